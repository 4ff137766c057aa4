//! Images that clips were made from.

use std::fs;
use std::path::Path;

use vidbench_core::{ConditioningImage, sha256_hex, text_from_path};

use super::{Gathered, IMAGE_EXTENSIONS};

/// A larger file cannot be an image that a model was given: 8192x8192 pixels of 32 bits have this many bytes.
const MAX_IMAGE_BYTES: u64 = 256 << 20;

/// Gives an image to each clip that has a prompt but no image yet: the one in `folder` whose name is the prompt, as
/// VBench-I2V names its images. Notes how many clips have none.
pub fn add_images(gathered: &mut Gathered, folder: &Path) {
    let (mut without, mut notes) = (0_usize, Vec::new());
    for clip in gathered.clips.iter_mut().filter(|clip| clip.image.is_none()) {
        // A prompt may be any text; one with a slash would be a path and is ignored.
        let names = clip.prompt.iter().filter(|prompt| !prompt.contains('/'));
        let named = names.flat_map(|prompt| {
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

/// An image with its hash, or the reason why it cannot be read.
pub(super) fn read(path: &Path) -> Result<ConditioningImage, String> {
    let problem = |what: String| format!("{}: {what}", text_from_path(path));
    let length = fs::metadata(path).map_err(|error| problem(error.to_string()))?.len();
    if length > MAX_IMAGE_BYTES {
        return Err(problem(format!("it has {length} bytes; an image can have at most {MAX_IMAGE_BYTES}")));
    }
    let bytes = fs::read(path).map_err(|error| problem(error.to_string()))?;
    Ok(ConditioningImage { path: text_from_path(path), sha256: sha256_hex(&bytes) })
}

#[cfg(test)]
mod tests {
    use vidbench_core::RequestedClip;

    use super::*;

    fn clip(prompt: &str) -> RequestedClip {
        let clip = serde_json::json!({ "path": "a.mp4", "group": "a", "prompt": prompt });
        serde_json::from_value(clip).unwrap()
    }

    #[test]
    fn a_prompt_that_is_a_path_leads_to_no_image() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("images");
        fs::create_dir(&inside).unwrap();
        fs::write(folder.path().join("secret.png"), "x").unwrap();
        fs::write(inside.join("a fox.png"), "x").unwrap();
        let absolute = folder.path().join("secret");
        let prompts = ["a fox", "../secret", absolute.to_str().unwrap()];
        let mut gathered = Gathered { clips: prompts.map(clip).to_vec(), notes: Vec::new() };
        add_images(&mut gathered, &inside);
        let found = gathered.clips.iter().map(|clip| clip.image.is_some());
        assert_eq!(found.collect::<Vec<_>>(), [true, false, false]);
        assert!(gathered.notes[0].starts_with("2 clips have no image in "), "{:?}", gathered.notes);
    }

    #[test]
    fn a_file_too_large_for_an_image_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_IMAGE_BYTES + 1).unwrap();
        assert!(read(file.path()).unwrap_err().contains("an image can have at most"));
    }
}
