//! `vidbench metrics`, and how the nets of metrics are run.

use clap::{Args, Subcommand, ValueEnum};
use vidbench_core::{NetDevice, NetOptions, NetRuntime};

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// What there is: nets, licences, whether the weights are here.
    List(MetricsListArgs),
    /// The page of a metric: definition, range, input, reference, differences, cost.
    Show(MetricsShowArgs),
    /// Compute formulas, nets with random weights, and nets with trained ones, and compare with what other programs give.
    #[command(after_long_help = "\
Examples:
  vidbench metrics selftest                        formulas, and the quick nets
  vidbench metrics selftest i3d-400 dino-vitb16    formulas, and these
  vidbench metrics selftest --all                  all of them: minutes, and 10 GB of memory

Formulas (PSNR, SSIM, Fréchet and kernel distances, resizing) are computed of numbers that anyone can make and compared with NumPy, SciPy,
torch, Pillow and the metrics' own packages. Figures that others published (LPIPS, Fréchet video distances) are computed where the trained weights of a named net are here; where they
are not, the figure is not available. That of i3d-styleganv puts 256 clips through it.

Exit codes: 0 every formula, net and figure that was computed is within its tolerance; 1 one is not; 2 usage or environment.")]
    Selftest(MetricsSelftestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MetricsListArgs {
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsShowArgs {
    /// The metric, such as ssim or ssim@1.
    #[arg(value_name = "METRIC")]
    pub(crate) metric: String,
    /// Print its descriptor as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsSelftestArgs {
    /// Nets, as `vidbench nets list` names them.
    #[arg(value_name = "NETS", conflicts_with = "all")]
    pub(crate) nets: Vec<String>,
    /// All nets.
    #[arg(long)]
    pub(crate) all: bool,
    /// What runs them.
    #[arg(long, value_enum, default_value_t = NetRuntimeName::Auto, value_name = "NAME", env = "VIDBENCH_NET_RUNTIME")]
    pub(crate) net_runtime: NetRuntimeName,
    /// What computes them: cpu, cuda:N or tensorrt:N.
    #[arg(long, default_value_t = NetDevice::Cpu, value_name = "DEVICE", env = "VIDBENCH_NET_DEVICE")]
    pub(crate) net_device: NetDevice,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the nets of metrics are run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Nets of metrics")]
pub(crate) struct NetArgs {
    /// What runs nets: auto takes ONNX Runtime where it is found (ORT_DYLIB_PATH), else the runtime that is built in.
    #[arg(long, value_enum, default_value_t = NetRuntimeName::Auto, value_name = "NAME", env = "VIDBENCH_NET_RUNTIME")]
    pub(crate) net_runtime: NetRuntimeName,
    /// What computes nets: cpu, or devices of one kind such as cuda:0,cuda:1, with a scorer each (they need an ONNX Runtime built for them).
    #[arg(
        long,
        default_value = "cpu",
        value_delimiter = ',',
        value_name = "DEVICE,...",
        env = "VIDBENCH_NET_DEVICE"
    )]
    pub(crate) net_device: Vec<NetDevice>,
    /// Random weights of this seed in every net: for measuring speed before weights are fetched. The scores mean nothing, and say so.
    #[arg(long, value_name = "SEED")]
    pub(crate) random_nets: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum NetRuntimeName {
    /// ONNX Runtime where it is found, else tract.
    Auto,
    /// ONNX Runtime.
    OnnxRuntime,
    /// The runtime that is built in.
    Tract,
}

impl From<NetRuntimeName> for NetRuntime {
    fn from(name: NetRuntimeName) -> Self {
        match name {
            NetRuntimeName::Auto => Self::Auto,
            NetRuntimeName::OnnxRuntime => Self::OnnxRuntime,
            NetRuntimeName::Tract => Self::Tract,
        }
    }
}

impl NetArgs {
    /// How nets are run on the first of the devices.
    pub(crate) fn options(&self) -> NetOptions {
        NetOptions {
            random_seed: self.random_nets,
            runtime: self.net_runtime.into(),
            device: self.net_device.first().copied().unwrap_or_default(),
        }
    }
}
