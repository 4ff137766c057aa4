//! VMAF, computed by libvmaf where it is installed.
//!
//! libvmaf is optional and searched for at its first use: the file that `VIDBENCH_LIBVMAF` names, else `libvmaf.so.3`
//! (3.x), `libvmaf.so.1` (2.x) or `libvmaf.so` where the system keeps its libraries. libvmaf contains the model
//! `vmaf_v0.6.1`. Without libvmaf there is no number and [`VmafError::NotInstalled`] says why.

mod error;
mod library;
mod session;

pub use error::VmafError;
pub use session::{Vmaf, VmafScores};

/// Version of the libvmaf that was found, as the library reports it: `3.0.0`.
///
/// # Errors
///
/// When no usable libvmaf is found.
pub fn libvmaf_version() -> Result<String, VmafError> {
    library::library().map(|library| library.version.clone())
}

#[cfg(test)]
mod tests;
