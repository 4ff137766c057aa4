//! Why VMAF cannot be computed.

/// VMAF cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VmafError {
    /// No libvmaf is found.
    #[error("libvmaf is not installed: {reason}")]
    NotInstalled {
        /// What the dynamic linker says.
        reason: String,
    },
    /// The library that was found is not libvmaf, or has a version whose functions are not known.
    #[error("{file} is not libvmaf 2 or 3: {reason}")]
    Unfit {
        /// The library.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The samples have a bit depth that libvmaf does not take.
    #[error("libvmaf supports 8, 10, 12 or 16 bits per sample, the files store {bit_depth}")]
    BitDepth {
        /// Bits of a sample.
        bit_depth: u8,
    },
    /// libvmaf reads past the end of smaller pictures.
    #[error("frames of {width}x{height} are too small, both sides must be at least {needed}")]
    TooSmall {
        /// Width in samples.
        width: usize,
        /// Height in samples.
        height: usize,
        /// Least side.
        needed: usize,
    },
    /// A frame is not like its reference or like the frames before it.
    #[error("frame {frame} is stored differently from its reference or from the frames before it")]
    Differs {
        /// The frame, from 0.
        frame: u32,
    },
    /// There was nothing to compare.
    #[error("there were no frames to compare")]
    NoFrames,
    /// libvmaf refused.
    #[error("libvmaf cannot {step}: error {code}")]
    Call {
        /// Which step, as a verb: "load the model".
        step: &'static str,
        /// A negative errno, as libvmaf gave it.
        code: i32,
    },
}

impl VmafError {
    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotInstalled { .. } | Self::Unfit { .. } => {
                Some("for VMAF, install libvmaf 2 or 3, or set VIDBENCH_LIBVMAF to its file")
            }
            Self::BitDepth { .. }
            | Self::TooSmall { .. }
            | Self::Differs { .. }
            | Self::NoFrames
            | Self::Call { .. } => None,
        }
    }
}
