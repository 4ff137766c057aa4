//! libvmaf's functions and structs, as its public headers declare them.
//!
//! The structs are those of 3.x. Those of 2.x lack the last member (`gpumask`, `priv`), and the longer ones do no harm:
//! libvmaf either writes them and gets them back, or takes them by value (System V on x86-64 and AArch64: a struct of
//! more than 16 bytes goes through memory that the caller owns).
#![expect(unsafe_code, reason = "loads a shared library and takes addresses of functions from it")]

use std::env;
use std::error::Error as _;
use std::ffi::{CStr, OsStr, OsString, c_char, c_double, c_int, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library as Loaded;

use super::VmafError;

/// libvmaf's own names: of 3.x, of 2.x, and of whatever the system calls the current one.
const NAMES: [&str; 3] = ["libvmaf.so.3", "libvmaf.so.1", "libvmaf.so"];
/// Environment variable that names the library's file.
const VARIABLE: &str = "VIDBENCH_LIBVMAF";

/// `VmafContext`.
pub(super) enum Context {}
/// `VmafModel`.
pub(super) enum Model {}

/// `VmafConfiguration`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Configuration {
    pub(super) log_level: c_uint,
    pub(super) n_threads: c_uint,
    pub(super) n_subsample: c_uint,
    pub(super) cpumask: u64,
    pub(super) gpumask: u64,
}

/// `VmafModelConfig`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct ModelConfig {
    pub(super) name: *const c_char,
    pub(super) flags: u64,
}

/// `VmafPicture`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Picture {
    pub(super) pix_fmt: c_uint,
    pub(super) bpc: c_uint,
    pub(super) w: [c_uint; 3],
    pub(super) h: [c_uint; 3],
    pub(super) stride: [isize; 3],
    pub(super) data: [*mut c_void; 3],
    pub(super) reference: *mut c_void,
    pub(super) private: *mut c_void,
}

impl Default for Picture {
    fn default() -> Self {
        let (reference, private) = (ptr::null_mut(), ptr::null_mut());
        let data = [ptr::null_mut(); 3];
        Self { pix_fmt: 0, bpc: 0, w: [0; 3], h: [0; 3], stride: [0; 3], data, reference, private }
    }
}

/// The functions, with the signatures of libvmaf.h, model.h and picture.h.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) version: String,
    pub(super) init: unsafe extern "C" fn(*mut *mut Context, Configuration) -> c_int,
    pub(super) close: unsafe extern "C" fn(*mut Context) -> c_int,
    pub(super) model_load: unsafe extern "C" fn(*mut *mut Model, *mut ModelConfig, *const c_char) -> c_int,
    pub(super) model_destroy: unsafe extern "C" fn(*mut Model),
    pub(super) use_features: unsafe extern "C" fn(*mut Context, *mut Model) -> c_int,
    pub(super) picture_alloc: unsafe extern "C" fn(*mut Picture, c_uint, c_uint, c_uint, c_uint) -> c_int,
    pub(super) picture_unref: unsafe extern "C" fn(*mut Picture) -> c_int,
    pub(super) read_pictures: unsafe extern "C" fn(*mut Context, *mut Picture, *mut Picture, c_uint) -> c_int,
    pub(super) score_at: unsafe extern "C" fn(*mut Context, *mut Model, *mut c_double, c_uint) -> c_int,
    pub(super) score_pooled:
        unsafe extern "C" fn(*mut Context, *mut Model, c_uint, *mut c_double, c_uint, c_uint) -> c_int,
}

/// libvmaf, loaded once.
pub(super) fn library() -> Result<&'static Library, VmafError> {
    static LIBRARY: OnceLock<Result<Library, VmafError>> = OnceLock::new();
    LIBRARY.get_or_init(find).as_ref().map_err(Clone::clone)
}

fn find() -> Result<Library, VmafError> {
    let named = env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let names: Vec<OsString> = match named {
        Some(path) => vec![path],
        None => NAMES.map(OsString::from).to_vec(),
    };
    let mut reason = None;
    for name in names {
        match load(&name) {
            Err(VmafError::NotInstalled { reason: why }) => reason = reason.or(Some(why)),
            found => return found,
        }
    }
    Err(VmafError::NotInstalled { reason: reason.unwrap_or_default() })
}

pub(super) fn load(name: &OsStr) -> Result<Library, VmafError> {
    // SAFETY: libvmaf's initialisers have no preconditions; another library that is named here is the user's choice.
    let loaded = unsafe { Loaded::new(name) };
    let loaded = loaded.map_err(|error| VmafError::NotInstalled { reason: told(&error) })?;
    let unfit = |reason: String| VmafError::Unfit { file: name.to_string_lossy().into_owned(), reason };
    let library = functions(&loaded).map_err(|error| unfit(told(&error)))?;
    // The functions point into the library for as long as the process lives.
    std::mem::forget(loaded);
    let major =
        library.version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    // A build of a developer's tree names its commit, from which no version can be read.
    if major.is_some_and(|major: u32| !(2..=3).contains(&major)) {
        return Err(unfit(format!("it is version {}", library.version)));
    }
    Ok(library)
}

/// What the dynamic linker said, which libloading keeps as the cause.
fn told(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn functions(loaded: &Loaded) -> Result<Library, libloading::Error> {
    // SAFETY: each function is taken with the type that libvmaf's public headers give it in 2.x and 3.x. 1.x has no
    // `vmaf_model_load`, so none of its functions is called.
    unsafe {
        let model_load = *loaded.get(b"vmaf_model_load\0")?;
        let version: unsafe extern "C" fn() -> *const c_char = *loaded.get(b"vmaf_version\0")?;
        Ok(Library {
            version: CStr::from_ptr(version()).to_string_lossy().into_owned(),
            init: *loaded.get(b"vmaf_init\0")?,
            close: *loaded.get(b"vmaf_close\0")?,
            model_load,
            model_destroy: *loaded.get(b"vmaf_model_destroy\0")?,
            use_features: *loaded.get(b"vmaf_use_features_from_model\0")?,
            picture_alloc: *loaded.get(b"vmaf_picture_alloc\0")?,
            picture_unref: *loaded.get(b"vmaf_picture_unref\0")?,
            read_pictures: *loaded.get(b"vmaf_read_pictures\0")?,
            score_at: *loaded.get(b"vmaf_score_at_index\0")?,
            score_pooled: *loaded.get(b"vmaf_score_pooled\0")?,
        })
    }
}
