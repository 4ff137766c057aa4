//! Models and evidence of this machine's user, in addition to those that ship.
//!
//! They serve for look-ups and checks only. A suite must state everything about such a model itself, because another
//! laboratory does not have this folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::evidence::EvidenceFile;
use super::{Catalogue, CatalogueModel, FamilyFile, read_family};

/// Why a user's part of the catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not have the form of the catalogue.
    #[error("{}: {source}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A model of that name already exists.
    #[error("{}: the catalogue already has {id}", path.display())]
    Twice {
        /// The file that repeats it.
        path: PathBuf,
        /// The model.
        id: String,
    },
    /// The catalogue that ships already has it.
    #[error("the catalogue already has {id}")]
    Shipped {
        /// The model.
        id: String,
    },
    /// There is no folder for a user's models.
    #[error(
        "there is no folder for your own models: neither VIDBENCH_CATALOGUE, XDG_DATA_HOME nor HOME is set"
    )]
    NoFolder,
}

/// The folder of the user's models and evidence: `VIDBENCH_CATALOGUE`, or `vidbench/catalogue` in `XDG_DATA_HOME` or `~/.local/share`.
pub(super) fn own_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("VIDBENCH_CATALOGUE")
        .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("vidbench/catalogue")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/vidbench/catalogue")))
}

const MODELS: &str = "models.toml";
const EVIDENCE: &str = "evidence.toml";

/// The user's file of evidence, to which checks add their results.
///
/// # Errors
/// There is no folder for it.
pub fn own_evidence_file() -> Result<PathBuf, CatalogueError> {
    Ok(own_folder().ok_or(CatalogueError::NoFolder)?.join(EVIDENCE))
}

/// The text of a file; `None` when there is none.
fn text(path: &Path) -> Result<Option<String>, CatalogueError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CatalogueError::Io { path: path.into(), source }),
    }
}

fn form(path: &Path) -> impl Fn(toml::de::Error) -> CatalogueError {
    |source| CatalogueError::Form { path: path.into(), source: Box::new(source) }
}

impl Catalogue {
    pub(super) fn add_own(&mut self, folder: Option<&Path>) -> Result<(), CatalogueError> {
        let Some(folder) = folder else { return Ok(()) };
        let path = folder.join(MODELS);
        if let Some(text) = text(&path)? {
            for model in read_family(&text).map_err(form(&path))? {
                if self.find(&model.id).is_some() {
                    return Err(CatalogueError::Twice { path, id: model.id });
                }
                self.models.push(model);
            }
        }
        let path = folder.join(EVIDENCE);
        if let Some(text) = text(&path)? {
            let EvidenceFile { found, .. } = toml::from_str(&text).map_err(form(&path))?;
            // Evidence from this machine replaces shipped evidence about the same check.
            self.evidence.retain(|old| found.iter().all(|new| new.name() != old.name()));
            self.evidence.extend(found);
        }
        Ok(())
    }
}

/// Adds a model to the user's part of the catalogue and returns the file that now holds it.
///
/// # Errors
/// A model of that name already exists, or the file cannot be read or written.
pub fn add_model(model: CatalogueModel) -> Result<PathBuf, CatalogueError> {
    let folder = own_folder().ok_or(CatalogueError::NoFolder)?;
    let path = folder.join(MODELS);
    if Catalogue::shipped().find(&model.id).is_some() {
        return Err(CatalogueError::Shipped { id: model.id });
    }
    if Catalogue::read()?.find(&model.id).is_some() {
        return Err(CatalogueError::Twice { path, id: model.id });
    }
    let mut models = match text(&path)? {
        Some(text) => read_family(&text).map_err(form(&path))?,
        None => Vec::new(),
    };
    models.push(model);
    let text = toml::to_string(&FamilyFile { family: "yours".into(), models })
        .expect("invariant: strings, numbers and tables of them have a TOML form");
    let io = |source| CatalogueError::Io { path: path.clone(), source };
    fs::create_dir_all(&folder).map_err(io)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(io)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(io)?;
    file.persist(&path).map_err(|error| io(error.error))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(models: &str, evidence: &str) -> Result<Catalogue, CatalogueError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MODELS), models).unwrap();
        fs::write(folder.path().join(EVIDENCE), evidence).unwrap();
        let mut all = Catalogue::shipped().clone();
        all.add_own(Some(folder.path())).map(|()| all)
    }

    const MINE: &str = "family = \"yours\"\n[[models]]\nid = \"me/mine\"\nkind = \"checkpoint\"\nengine = \"diffusers\"\n\
         classes = [\"WanPipeline\"]\nsource = \"me\"\n";

    #[test]
    fn a_users_models_stand_beside_those_that_ship() {
        let all = read(MINE, "").unwrap();
        assert_eq!(all.find("me/mine").unwrap().family, "yours");
        assert!(all.status(all.find("me/mine").unwrap()).is_runnable());
    }

    #[test]
    fn a_users_evidence_comes_before_that_which_ships() {
        let evidence = "[[found]]\nclass = \"WanPipeline\"\nreached = \"loaded\"\nreason = \"no disk\"\nweights = \"tiny\"\n\
                        date = \"2026-11-27\"\nversions = \"x\"\n";
        let all = read(MINE, evidence).unwrap();
        assert!(!all.status(all.find("me/mine").unwrap()).is_runnable());
    }

    #[test]
    fn files_that_are_wrong_are_named() {
        let twice = MINE.replace("me/mine", "wan-ai/Wan2.1-T2V-1.3B-diffusers");
        assert!(matches!(read(&twice, ""), Err(CatalogueError::Twice { .. })));
        let told = |result: Result<Catalogue, CatalogueError>| result.unwrap_err().to_string();
        assert!(told(read("models = 3", "")).contains("models.toml"));
        assert!(told(read(MINE, "found = 3")).contains("evidence.toml"));
    }
}
