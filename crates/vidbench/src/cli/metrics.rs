//! `vidbench metrics`, and how the nets of metrics are run.

use clap::{Args, Subcommand, ValueEnum};
use vidbench_core::{NetDevice, NetOptions, NetRuntime};

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// List metrics with their nets, licences and whether the weights are installed.
    List(MetricsListArgs),
    /// Show the page of a metric: definition, range, input, reference, differences, cost.
    Show(MetricsShowArgs),
    /// Check formulas and nets, with random and trained weights, against the results of other programs.
    #[command(after_long_help = "\
Examples:
  vidbench metrics selftest                        formulas and the fast nets
  vidbench metrics selftest i3d-400 dino-vitb16    formulas and these nets
  vidbench metrics selftest --all                  everything: takes minutes and 10 GB of memory

Formulas (PSNR, SSIM, Fréchet and kernel distances, resizing) are computed from numbers that anyone can generate and compared with NumPy, SciPy,
torch, Pillow and the metrics' own packages. Published figures (LPIPS, Fréchet video distances) are computed if the trained weights of a named net are installed;
otherwise the figure is not available. The one for i3d-styleganv runs 256 clips through the net.

Exit codes: 0 everything that was computed is within its tolerance; 1 something is not; 2 usage or environment.")]
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
    /// Metric to show, such as ssim or ssim@1; a family, such as fvd; or latency, throughput or peak_memory.
    #[arg(value_name = "METRIC")]
    pub(crate) metric: String,
    /// Print the metric's descriptor as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsSelftestArgs {
    /// Nets to test, as named by `vidbench nets list`; by default the fast ones.
    #[arg(value_name = "NETS", conflicts_with = "all")]
    pub(crate) nets: Vec<String>,
    /// Test all nets.
    #[arg(long)]
    pub(crate) all: bool,
    /// Runtime for the nets.
    #[arg(long, value_enum, default_value_t = NetRuntimeName::Auto, value_name = "NAME", env = "VIDBENCH_NET_RUNTIME")]
    pub(crate) net_runtime: NetRuntimeName,
    /// Device for the nets: cpu, cuda:N or tensorrt:N.
    #[arg(long, default_value_t = NetDevice::Cpu, value_name = "DEVICE", env = "VIDBENCH_NET_DEVICE")]
    pub(crate) net_device: NetDevice,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the nets of metrics are run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metric nets")]
pub(crate) struct NetArgs {
    /// Runtime for nets; auto uses ONNX Runtime if found (ORT_DYLIB_PATH), else the built-in tract.
    #[arg(long, value_enum, default_value_t = NetRuntimeName::Auto, value_name = "NAME", env = "VIDBENCH_NET_RUNTIME")]
    pub(crate) net_runtime: NetRuntimeName,
    /// Device for nets: cpu, or devices of one kind separated by commas, such as cuda:0,cuda:1, one scorer each (needs a matching ONNX Runtime).
    #[arg(
        long,
        default_value = "cpu",
        value_delimiter = ',',
        value_name = "DEVICE,...",
        env = "VIDBENCH_NET_DEVICE"
    )]
    pub(crate) net_device: Vec<NetDevice>,
    /// Give every net random weights from this seed, to measure speed without a download; scores mean nothing and say so.
    #[arg(long, value_name = "SEED")]
    pub(crate) random_nets: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum NetRuntimeName {
    /// ONNX Runtime if found, else tract.
    Auto,
    /// ONNX Runtime.
    OnnxRuntime,
    /// The built-in runtime.
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
