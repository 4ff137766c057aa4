//! The hub of models: its address, its token, and its cache on this machine, from the variables that the hub's own
//! client reads.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::{Address, HubFile};

const ENDPOINT: &str = "https://huggingface.co";

/// The address of a hub, and what this machine has of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Hub {
    endpoint: String,
    token: Option<String>,
    cache: Option<PathBuf>,
    /// Whether no socket may be opened.
    pub offline: bool,
}

/// Hides the token.
impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, token, cache, offline } = self;
        let token = token.as_ref().map(|_| "...");
        let mut hub = f.debug_struct("Hub");
        hub.field("endpoint", endpoint)
            .field("token", &token)
            .field("cache", cache)
            .field("offline", offline)
            .finish()
    }
}

impl Hub {
    /// Reads `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`, `HF_HUB_CACHE` and `HF_HUB_OFFLINE`.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// The same, with variables from another source.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let caches = || {
            let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
            cache.or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        };
        let home =
            set("HF_HOME").map(PathBuf::from).or_else(|| caches().map(|cache| cache.join("huggingface")));
        let token_file =
            set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join("token")));
        let token = text("HF_TOKEN").or_else(|| fs::read_to_string(token_file?).ok());
        let cache = set("HF_HUB_CACHE").map(PathBuf::from).or_else(|| home.map(|home| home.join("hub")));
        let offline = text("HF_HUB_OFFLINE").map(|value| value.to_ascii_uppercase());
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into()).trim_end_matches('/').to_owned(),
            token: token.map(|token| token.trim().to_owned()).filter(|token| is_header_text(token)),
            cache,
            offline: offline.is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.as_str())),
        }
    }

    /// The web address of a file.
    pub fn url(&self, address: Address<'_>) -> String {
        match address {
            Address::Url(url) => url.to_owned(),
            Address::Hub(HubFile { repository, revision, path }) => {
                let revision = revision.as_deref().unwrap_or("main");
                format!("{}/{repository}/resolve/{revision}/{path}", self.endpoint)
            }
        }
    }

    /// The token, for addresses on the hub only.
    pub(super) fn token_for(&self, url: &str) -> Option<&str> {
        let on_the_hub = url.strip_prefix(&self.endpoint).is_some_and(|rest| rest.starts_with('/'));
        self.token.as_deref().filter(|_| on_the_hub)
    }

    /// A file that the hub's own client has fetched: of the wanted revision, or else of `main`'s revision, or of any.
    pub(super) fn cached(&self, address: Address<'_>) -> Option<PathBuf> {
        let Address::Hub(HubFile { repository, revision, path }) = address else { return None };
        let folder = self.cache.as_ref()?.join(format!("models--{}", repository.replace('/', "--")));
        let in_snapshot = |commit: &str| {
            let file = folder.join("snapshots").join(commit).join(path);
            file.is_file().then_some(file)
        };
        if let Some(revision) = revision {
            return in_snapshot(revision);
        }
        let main = fs::read_to_string(folder.join("refs/main")).ok();
        main.and_then(|commit| in_snapshot(commit.trim())).or_else(|| {
            let snapshots = fs::read_dir(folder.join("snapshots")).ok()?;
            let mut commits: Vec<OsString> =
                snapshots.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
            commits.sort();
            commits.iter().find_map(|commit| in_snapshot(commit.to_str()?))
        })
    }
}

/// Whether the text is allowed in an HTTP header.
fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        let variables: Vec<(String, OsString)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        Hub::from_variables(move |name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    fn file(revision: Option<&str>) -> HubFile {
        HubFile {
            repository: "org/name".into(),
            revision: revision.map(str::to_owned),
            path: "sub/file.pth".into(),
        }
    }

    #[test]
    fn addresses_are_those_of_the_hub_or_of_its_mirror() {
        let main = hub(&[]).url(Address::Hub(&file(None)));
        assert_eq!(main, "https://huggingface.co/org/name/resolve/main/sub/file.pth");
        let mirror = hub(&[("HF_ENDPOINT", "https://mirror.example/")]).url(Address::Hub(&file(Some("abc"))));
        assert_eq!(mirror, "https://mirror.example/org/name/resolve/abc/sub/file.pth");
    }

    #[test]
    fn the_token_goes_to_the_hub_and_nowhere_else() {
        let hub = hub(&[("HF_TOKEN", " secret\n")]);
        assert_eq!(hub.token_for("https://huggingface.co/org/name/resolve/main/x"), Some("secret"));
        assert_eq!(hub.token_for("https://huggingface.co.example/org"), None);
        assert_eq!(hub.token_for("https://github.com/org"), None);
        assert!(!format!("{hub:?}").contains("secret"));
    }

    #[test]
    fn the_token_may_be_in_a_file_and_must_fit_a_header() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "from-file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let token = |variables: &[(&str, &str)]| hub(variables).token;
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("from-file"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", "own")]).as_deref(), Some("own"));
        assert_eq!(token(&[("HF_TOKEN", "a\nb")]), None);
        assert_eq!(token(&[("HOME", "/nonexistent")]), None);
    }

    #[test]
    fn a_file_of_the_hubs_cache_is_found_by_its_revision() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("hub/models--org--name");
        for commit in ["aaa", "bbb"] {
            fs::create_dir_all(repository.join("snapshots").join(commit).join("sub")).unwrap();
            fs::write(repository.join("snapshots").join(commit).join("sub/file.pth"), commit).unwrap();
        }
        let hub = hub(&[("HF_HOME", folder.path().to_str().unwrap())]);
        let found = |revision: Option<&str>| {
            hub.cached(Address::Hub(&file(revision))).map(|path| fs::read_to_string(path).unwrap())
        };
        assert_eq!(found(Some("bbb")).as_deref(), Some("bbb"));
        assert_eq!(found(Some("ccc")), None);
        assert_eq!(found(None).as_deref(), Some("aaa"));
        fs::create_dir_all(repository.join("refs")).unwrap();
        fs::write(repository.join("refs/main"), "bbb").unwrap();
        assert_eq!(found(None).as_deref(), Some("bbb"));
        assert_eq!(hub.cached(Address::Url("https://example.org/file.pth")), None);
    }

    #[test]
    fn offline_is_said_in_the_words_of_the_hubs_client() {
        for (value, offline) in [("1", true), ("true", true), ("Yes", true), ("0", false), ("", false)] {
            assert_eq!(hub(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value:?}");
        }
    }
}
