//! The device that computes the nets of metrics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A processor or an accelerator, and which one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum NetDevice {
    /// The processor.
    #[default]
    Cpu,
    /// The CUDA device with this number, through ONNX Runtime's CUDA provider.
    Cuda(u32),
    /// The CUDA device with this number, through ONNX Runtime's TensorRT provider.
    TensorRt(u32),
}

impl NetDevice {
    /// Its kind: `cpu`, `cuda` or `tensorrt`. Two devices of one kind compute the same numbers where their hardware is
    /// the same.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
            Self::TensorRt(_) => "tensorrt",
        }
    }

    /// Whether it is the processor.
    pub fn is_cpu(&self) -> bool {
        *self == Self::Cpu
    }
}

impl fmt::Display for NetDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str(self.kind()),
            Self::Cuda(number) | Self::TensorRt(number) => write!(f, "{}:{number}", self.kind()),
        }
    }
}

/// A text that does not name a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a device; devices are cpu, cuda:N and tensorrt:N, with N from 0")]
pub struct UnknownNetDevice(String);

impl FromStr for NetDevice {
    type Err = UnknownNetDevice;

    /// Reads `cpu`, `cuda`, `cuda:1` or `tensorrt:0`; without a number it means the first device.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownNetDevice(text.to_owned());
        let (kind, number) = text.split_once(':').unwrap_or((text, "0"));
        let number = number.parse().map_err(|_| unknown())?;
        match kind {
            "cpu" if text == kind => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(number)),
            "tensorrt" => Ok(Self::TensorRt(number)),
            _ => Err(unknown()),
        }
    }
}

impl From<NetDevice> for String {
    fn from(device: NetDevice) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for NetDevice {
    type Error = UnknownNetDevice;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for (text, device) in
            [("cpu", NetDevice::Cpu), ("cuda:1", NetDevice::Cuda(1)), ("tensorrt:0", NetDevice::TensorRt(0))]
        {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(NetDevice::Cuda(0)));
    }

    #[test]
    fn what_is_no_device_is_refused() {
        for text in ["", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:1,cuda:2", "rocm:0"] {
            assert!(text.parse::<NetDevice>().is_err(), "{text}");
        }
    }
}
