//! libav is loaded when it is first used, not when the program starts.
//!
//! Debian's libav brings more than a hundred shared libraries. Linked in the ordinary way, even `vidbench --version`
//! waits for all of them (33 ms instead of 3). Worse, where libav is missing no part of vidbench would start, and the
//! user would see only the dynamic linker's own message. So every function of libav that ffmpeg-next calls is defined
//! here as a jump through a slot, and [`load`] fills the slots. The linker then finds no use for libav and leaves it
//! out of the program's list of needed libraries. A function that is missing from the list below causes no error: it is
//! linked in the ordinary way, and libav is loaded at program start again. A test of the binary catches that.
#![expect(unsafe_code, reason = "loads shared libraries and jumps into them")]

use crate::error::LibavError;

/// Loads libav, once.
///
/// # Errors
///
/// What the dynamic linker says when a library is missing.
pub(crate) fn load() -> Result<(), LibavError> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    jumps::load()?;
    Ok(())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod jumps {
    use std::arch::global_asm;
    use std::ffi::{CString, c_void};
    use std::ptr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use ffmpeg_next::ffi;
    use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

    use crate::error::LibavError;

    /// One function: its slot, and a jump under the function's own name. The jump's symbol is hidden, so that libav's
    /// libraries keep calling each other directly.
    macro_rules! functions {
        ($($name:ident),*) => {
            #[expect(non_upper_case_globals, reason = "named as the function")]
            mod slots {
                use super::{AtomicPtr, c_void, not_loaded};
                $(pub(super) static $name: AtomicPtr<c_void> = AtomicPtr::new(not_loaded as *mut c_void);)*
            }
            $(
                #[cfg(target_arch = "x86_64")]
                global_asm!(
                    ".pushsection .text.libav,\"ax\",@progbits",
                    concat!(".globl ", stringify!($name)),
                    concat!(".hidden ", stringify!($name)),
                    concat!(".type ", stringify!($name), ",@function"),
                    concat!(stringify!($name), ":"),
                    "jmp qword ptr [rip + {slot}]",
                    ".popsection",
                    slot = sym slots::$name,
                );
                #[cfg(target_arch = "aarch64")]
                global_asm!(
                    ".pushsection .text.libav,\"ax\",@progbits",
                    concat!(".globl ", stringify!($name)),
                    concat!(".hidden ", stringify!($name)),
                    concat!(".type ", stringify!($name), ",@function"),
                    concat!(stringify!($name), ":"),
                    "adrp x16, {slot}",
                    "ldr x16, [x16, :lo12:{slot}]",
                    "br x16",
                    ".popsection",
                    slot = sym slots::$name,
                );
            )*
            const SLOTS: &[(&str, &AtomicPtr<c_void>)] = &[$((stringify!($name), &slots::$name)),*];
        };
    }

    functions!(
        av_codec_is_decoder,
        av_codec_is_encoder,
        av_dict_free,
        av_dict_set,
        av_find_best_stream,
        av_frame_alloc,
        av_frame_copy,
        av_frame_copy_props,
        av_frame_free,
        av_frame_get_buffer,
        av_free,
        av_freep,
        av_init_packet,
        av_interleaved_write_frame,
        av_log_set_level,
        av_mallocz,
        av_opt_set_int,
        av_packet_rescale_ts,
        av_packet_unref,
        av_pix_fmt_desc_get,
        av_read_frame,
        av_strerror,
        av_write_trailer,
        avcodec_alloc_context3,
        avcodec_close,
        avcodec_find_decoder,
        avcodec_find_encoder_by_name,
        avcodec_free_context,
        avcodec_get_name,
        avcodec_open2,
        avcodec_parameters_free,
        avcodec_parameters_from_context,
        avcodec_parameters_to_context,
        avcodec_receive_frame,
        avcodec_receive_packet,
        avcodec_send_frame,
        avcodec_send_packet,
        avcodec_version,
        avformat_alloc_context,
        avformat_alloc_output_context2,
        avformat_close_input,
        avformat_find_stream_info,
        avformat_free_context,
        avformat_new_stream,
        avformat_open_input,
        avformat_version,
        avformat_write_header,
        avio_alloc_context,
        avio_close,
        avio_context_free,
        avio_flush,
        avio_open,
        avutil_version,
        sws_alloc_context,
        sws_freeContext,
        sws_getCoefficients,
        sws_init_context,
        sws_scale,
        sws_setColorspaceDetails
    );

    /// Every slot holds this function before [`load`]; every public function of this crate calls `load` first.
    extern "C" fn not_loaded() -> ! {
        // Unwinding through C is undefined behaviour, so the process has to abort.
        std::process::abort()
    }

    pub(super) fn load() -> Result<(), LibavError> {
        static LOADED: OnceLock<Result<(), LibavError>> = OnceLock::new();
        LOADED.get_or_init(fill).clone()
    }

    fn fill() -> Result<(), LibavError> {
        // libavformat brings libavcodec and libavutil. Both libraries are opened by the version whose headers this was
        // compiled with.
        let libraries = [
            open("avformat", ffi::LIBAVFORMAT_VERSION_MAJOR)?,
            open("swscale", ffi::LIBSWSCALE_VERSION_MAJOR)?,
        ];
        for (name, slot) in SLOTS {
            // A slot may stay unfilled: an ffmpeg-next compiled for a later libav does not call functions which that
            // libav dropped.
            if let Some(address) = libraries.iter().find_map(|library| find(library, name)) {
                slot.store(address, Ordering::Release);
            }
        }
        // The slots point into the libraries for as long as the process lives.
        libraries.into_iter().for_each(std::mem::forget);
        Ok(())
    }

    fn open(name: &str, major: impl std::fmt::Display) -> Result<Library, LibavError> {
        let file = format!("lib{name}.so.{major}");
        // SAFETY: libav's initialisers have no preconditions; this is how every program loads it.
        let library = unsafe { Library::open(Some(&file), RTLD_LAZY | RTLD_LOCAL) };
        library.map_err(|error| LibavError::new(format!("cannot load {file}: {error}")))
    }

    fn find(library: &Library, name: &str) -> Option<*mut c_void> {
        let name = CString::new(name).ok()?;
        // SAFETY: the address is only stored; the code that jumps to it declares the type of libav's own header.
        let symbol = unsafe { library.get::<*mut c_void>(name.as_bytes_with_nul()) }.ok()?;
        Some(symbol.into_raw()).filter(|address| !ptr::eq(*address, ptr::null()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn every_function_is_found() {
            load().unwrap();
            let empty = |slot: &AtomicPtr<c_void>| slot.load(Ordering::Acquire) == not_loaded as *mut c_void;
            let missing = SLOTS.iter().filter(|(_, slot)| empty(slot)).map(|(name, _)| *name);
            // libavcodec 62 dropped this function, and ffmpeg-next does not call it there.
            let missing: Vec<&str> = missing.filter(|name| *name != "avcodec_close").collect();
            assert_eq!(missing, [""; 0]);
        }

        #[test]
        fn a_library_that_is_missing_is_an_error_with_its_name() {
            let error = open("avnothing", 7).unwrap_err().to_string();
            assert!(error.contains("cannot load libavnothing.so.7"), "{error}");
        }
    }
}
