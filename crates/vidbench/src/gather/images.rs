//! Images that clips were made from.

use std::fs;
use std::path::Path;

use vidbench_core::{ConditioningImage, sha256_hex, text_from_path};

use super::{Gathered, IMAGE_EXTENSIONS};

/// Gives each clip that has a prompt and no image yet the image of `folder` that is named by its prompt, as VBench-I2V names its own. Says how
/// many clips have none.
pub fn add_images(gathered: &mut Gathered, folder: &Path) {
    let (mut without, mut notes) = (0_usize, Vec::new());
    for clip in gathered.clips.iter_mut().filter(|clip| clip.image.is_none()) {
        let named = clip.prompt.iter().flat_map(|prompt| {
            IMAGE_EXTENSIONS.iter().map(move |extension| folder.join(format!("{prompt}.{extension}")))
        });
        let Some(path) = named.into_iter().find(|path| path.is_file()) else {
            without += 1;
            continue;
        };
        match read(&path) {
            Ok(image) => clip.image = Some(image),
            Err(problem) => notes.push(format!("{} is scored without its image: {problem}", clip.path)),
        }
    }
    if without > 0 {
        notes.push(format!("{without} clips have no image in {}", text_from_path(folder)));
    }
    gathered.notes.extend(notes);
}

/// An image with its hash; the reason when it cannot be read.
pub(super) fn read(path: &Path) -> Result<ConditioningImage, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", text_from_path(path)))?;
    Ok(ConditioningImage { path: text_from_path(path), sha256: sha256_hex(&bytes) })
}
