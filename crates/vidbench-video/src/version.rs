//! Which libav is loaded.

use crate::LibavError;
use crate::libav;

/// Versions of the libav libraries as loaded: `libavcodec 59.37.100, libavformat 59.27.100, libavutil 57.28.100`.
///
/// # Errors
///
/// When libav cannot be loaded.
pub fn libav_version() -> Result<String, LibavError> {
    libav::init()?;
    let dotted = |version: u32| format!("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff);
    Ok(format!(
        "libavcodec {}, libavformat {}, libavutil {}",
        dotted(ffmpeg_next::codec::version()),
        dotted(ffmpeg_next::format::version()),
        dotted(ffmpeg_next::util::version()),
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_names_three_libraries() {
        let version = super::libav_version().unwrap();
        assert_eq!(version.matches("libav").count(), 3);
        assert!(!version.contains(" 0.0.0"), "{version}");
    }
}
