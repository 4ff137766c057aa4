//! Which files a confined worker can reach.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use vidbench_core::suite::Engine;
use vidbench_core::{RequestedClip, ResolvedModel, path_from_text};
use vidbench_engines::{ReachableFiles, WorkerCommand};
use vidbench_nn::NetStore;

/// Above this number of folders of clips, their parent folders are made reachable instead, because the launcher is
/// given every folder.
const MAX_FOLDERS: usize = 1000;

/// Parts of /proc that the scorer may read, about the machine and itself. It sees nothing of other processes: as root
/// it could read their environment, including secrets.
const PROC_OF_SCORER: [&str; 11] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/devices",
    "/proc/driver",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/modules",
    "/proc/stat",
    "/proc/sys",
    "/proc/version",
];

/// Files that the worker of a model reads and writes, in addition to those of the system and those that its suite
/// names.
pub(super) fn of_model(model: &ResolvedModel, command: &WorkerCommand) -> ReachableFiles {
    let mut readable = of_program(&command.program);
    readable.push("/proc".into());
    readable.extend(command.args.iter().map(PathBuf::from).filter(|path| path.exists()));
    if let Some(program) = &model.program {
        readable.extend(program.argv.first().map(|name| of_program(OsStr::new(name))).into_iter().flatten());
        let of_person = program.argv.iter().chain(&program.cwd);
        readable.extend(of_person.map(PathBuf::from).filter(|path| path.exists()));
    }
    // The videos of a manifest are beside it.
    let manifest = model.videos.iter().map(Path::new).filter(|videos| videos.is_file());
    readable.extend(manifest.filter_map(|manifest| manifest.parent().map(Path::to_owned)));
    if model.engine == Engine::Diffusers {
        // The environment, with the package that is installed beside it.
        readable.extend(Path::new(&command.program).ancestors().nth(3).map(Path::to_owned));
        readable.extend(variable("HF_HOME").or_else(|| Some(home()?.join(".cache/huggingface"))));
        readable.extend(variable("HF_HUB_CACHE"));
    }
    readable.extend(of_libraries());
    // Threads and processes of Python share memory through this folder.
    ReachableFiles { readable, writable: vec!["/dev/shm".into()] }
}

/// Files that the scorer reads: itself, libraries, nets, clips.
pub(super) fn of_scorer(command: &WorkerCommand, clips: Vec<PathBuf>, vidbench: &Path) -> ReachableFiles {
    let mut readable = of_program(&command.program);
    readable.push(vidbench.to_owned());
    readable.extend(PROC_OF_SCORER.map(PathBuf::from));
    readable.extend(of_libraries());
    readable.extend(clips);
    readable.extend(NetStore::from_environment().ok().map(|store| store.root().to_owned()));
    ReachableFiles { readable, writable: vec![] }
}

/// A program's file and the whole of the virtual environment it is in, including the interpreter that it links to.
fn of_program(program: &OsStr) -> Vec<PathBuf> {
    let Some(file) = found_program(Path::new(program)) else { return Vec::new() };
    let mut places = vec![file.clone()];
    let above = |path: &Path| path.ancestors().nth(2).map(Path::to_owned);
    if let Some(root) = above(&file).filter(|root| root.join("pyvenv.cfg").is_file()) {
        places.push(root);
        places.extend(fs::canonicalize(&file).ok().as_deref().and_then(above));
    }
    places
}

/// The file of a program; a name without a slash is looked up in PATH.
pub(crate) fn found_program(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The folders of libraries that variables name: ONNX Runtime with whatever was installed beside it, libvmaf, and the
/// loader's paths.
fn of_libraries() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    for library in ["ORT_DYLIB_PATH", "VIDBENCH_LIBVMAF"].into_iter().filter_map(variable) {
        let library = fs::canonicalize(&library).unwrap_or(library);
        let folder = library.parent().map(Path::to_owned);
        // In a Python package, the CUDA libraries of ONNX Runtime are packages of their own.
        let packages = folder.iter().filter(|folder| folder.ends_with("onnxruntime/capi"));
        places.extend(packages.filter_map(|folder| Some(folder.ancestors().nth(2)?.to_owned())));
        places.extend(folder);
    }
    let loader = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&loader).filter(|folder| folder.is_absolute()));
    places
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home() -> Option<PathBuf> {
    variable("HOME")
}

/// The folders of clips, of their references and of their images, with the targets of any links among them.
pub(super) fn of_clips(clips: &[RequestedClip]) -> Vec<PathBuf> {
    let mut folders = BTreeSet::new();
    for clip in clips {
        let image = clip.image.as_ref().map(|image| &image.path);
        for path in [Some(&clip.path), clip.reference.as_ref(), image].into_iter().flatten() {
            add_folders(&path_from_text(path), &mut folders);
        }
    }
    while folders.len() > MAX_FOLDERS {
        folders = folders.iter().map(|folder| folder.parent().unwrap_or(folder).to_owned()).collect();
    }
    folders.into_iter().collect()
}

/// Adds the folder of a file, or a folder of images, at its real path.
fn add_folders(path: &Path, folders: &mut BTreeSet<PathBuf>) {
    let Ok(real) = fs::canonicalize(path) else { return };
    if !real.is_dir() {
        folders.extend(real.parent().map(Path::to_owned));
        return;
    }
    let links = fs::read_dir(&real).into_iter().flatten().flatten().filter(|entry| entry.path().is_symlink());
    for target in links.filter_map(|link| fs::canonicalize(link.path()).ok()) {
        folders.extend(target.parent().map(Path::to_owned));
    }
    folders.insert(real);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_where_clips_really_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["clips", "elsewhere", "images", "far"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::write(root.join("elsewhere/a.mp4"), "").unwrap();
        fs::write(root.join("far/1.png"), "").unwrap();
        symlink(root.join("elsewhere/a.mp4"), root.join("clips/a.mp4")).unwrap();
        symlink(root.join("far/1.png"), root.join("images/1.png")).unwrap();
        let mut folders = BTreeSet::new();
        for path in ["clips/a.mp4", "images", "clips/none.mp4"] {
            add_folders(&root.join(path), &mut folders);
        }
        let found: Vec<_> =
            folders.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
        assert_eq!(found, ["elsewhere", "far", "images"]);
    }

    #[test]
    fn a_virtual_environment_is_reached_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("venv");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("pyvenv.cfg"), "").unwrap();
        symlink("/usr/bin/env", root.join("bin/python")).unwrap();
        let python = root.join("bin/python");
        assert_eq!(of_program(python.as_os_str()), [python.clone(), root, "/usr".into()]);
        assert_eq!(of_program(OsStr::new("/no/such")), [PathBuf::from("/no/such")]);
    }
}
