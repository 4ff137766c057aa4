//! Downloads from a real server on this machine.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use vidbench_nn::{FetchError, FetchErrorKind, FetchEvent, Fetcher, FileHashes, Hub, Manifest, Patience};

use crate::server::{Reply, Request, Server};

const NAME: &str = "weights.bin";

/// A folder for downloads, and a hub that is a server of the test.
struct Desk {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    /// What the manifest knows of the file.
    known: String,
}

impl Desk {
    fn new(server: &Server) -> Self {
        let variables = vec![("HF_ENDPOINT", server.url())];
        Self { folder: tempfile::tempdir().unwrap(), variables, known: String::new() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn knowing(mut self, known: impl Into<String>) -> Self {
        self.known = known.into();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("downloads").join(name)
    }

    fn fetch(&self) -> (Result<Vec<u8>, FetchError>, Vec<FetchEvent>) {
        self.fetch_by(&self.fetcher())
    }

    fn fetcher(&self) -> Fetcher {
        let hub = Hub::from_variables(|name| {
            let value = self.variables.iter().find(|(known, _)| *known == name);
            value.map(|(_, value)| value.into())
        });
        let patience =
            Patience { attempts: 3, first_wait: Duration::from_millis(1), silence: Duration::from_secs(20) };
        Fetcher::new(hub, self.folder.path().join("downloads"), patience)
    }

    fn fetch_by(&self, fetcher: &Fetcher) -> (Result<Vec<u8>, FetchError>, Vec<FetchEvent>) {
        let text = format!(
            "schema_version = 1\nnets = []\nbundles = []\n[[files]]\nname = {NAME:?}\n\
             hub = {{ repository = \"org/net\", path = \"sub/{NAME}\" }}\n{}",
            self.known
        );
        let manifest = Manifest::parse(&text).unwrap();
        let mut events = Vec::new();
        let fetched = fetcher.fetch(manifest.file(NAME).unwrap(), &mut |event| events.push(event));
        (fetched.map(|source| fs::read(source.path).unwrap()), events)
    }

    fn failure(&self) -> FetchError {
        let (fetched, _) = self.fetch();
        let error = fetched.unwrap_err();
        assert!(!self.path(NAME).exists(), "nothing has the name of a file that is not whole");
        error
    }
}

/// Content of more than one piece of the reader.
fn content() -> Vec<u8> {
    (0..700_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), bytes).unwrap();
    FileHashes::of(&folder.path().join("file")).unwrap().sha256
}

#[test]
fn a_file_comes_whole_and_its_progress_is_told() {
    let server = Server::start(|request, _| Reply::ranged(request, &content(), "\"v1\""));
    let desk = Desk::new(&server).knowing(format!("size_bytes = 700000\nsha256 = {:?}", sha256(&content())));
    let (fetched, events) = desk.fetch();
    assert_eq!(fetched.unwrap(), content());
    assert_eq!(events.first(), Some(&FetchEvent::Bytes { done: 0, total: Some(700_000) }));
    assert_eq!(events.last(), Some(&FetchEvent::Bytes { done: 700_000, total: Some(700_000) }));
    let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert_eq!(request.path, "/org/net/resolve/main/sub/weights.bin");
    assert_eq!((request.header("authorization"), request.header("range")), (None, None));
    assert!(request.header("user-agent").unwrap().starts_with("vidbench/"));
    // A file that is there and sound is not fetched again.
    assert_eq!(desk.fetch().0.unwrap(), content());
    assert_eq!(server.requests().len(), 1);
    assert!(!desk.path("weights.bin.part").exists() && !desk.path("weights.bin.part.json").exists());
}

#[test]
fn a_line_that_breaks_is_taken_up_where_it_broke() {
    let server = Server::start(|request, before| Reply {
        breaks_after: (before < 4).then_some(100_000),
        ..Reply::ranged(request, &content(), "\"v1\"")
    });
    let (fetched, events) = Desk::new(&server).fetch();
    assert_eq!(fetched.unwrap(), content());
    let from: Vec<Option<usize>> = server.requests().iter().map(Request::from).collect();
    // The connection broke four times, although three attempts in a row without a byte would end the download.
    assert_eq!(from, [None, Some(100_000), Some(200_000), Some(300_000), Some(400_000)]);
    assert!(server.requests()[1].header("if-range") == Some("\"v1\""));
    assert!(events.iter().any(|event| matches!(event, FetchEvent::Retry { .. })), "{events:?}");
}

#[test]
fn a_download_of_another_process_is_taken_up() {
    let server = Server::start(|request, _| Reply::ranged(request, &content(), "\"v1\""));
    let desk = Desk::new(&server);
    fs::create_dir_all(desk.path("")).unwrap();
    fs::write(desk.path("weights.bin.part"), &content()[..5000]).unwrap();
    let url = format!("{}/org/net/resolve/main/sub/weights.bin", server.url());
    fs::write(desk.path("weights.bin.part.json"), format!("{{\"url\":{url:?},\"etag\":\"\\\"v1\\\"\"}}"))
        .unwrap();
    assert_eq!(desk.fetch().0.unwrap(), content());
    assert_eq!(server.requests()[0].from(), Some(5000));
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let server = Server::start(|request, before| {
        let etag = if before == 0 { "\"v1\"" } else { "\"v2\"" };
        let body = if before == 0 { vec![1; 9000] } else { content() };
        Reply { breaks_after: (before == 0).then_some(4000), ..Reply::ranged(request, &body, etag) }
    });
    assert_eq!(Desk::new(&server).fetch().0.unwrap(), content());
    assert_eq!(server.requests()[1].from(), Some(4000));
}

#[test]
fn a_server_without_ranges_or_names_of_versions_sends_all_again() {
    let server = Server::start(|_, before| Reply {
        breaks_after: (before == 0).then_some(300_000),
        ..Reply::whole(&content())
    });
    assert_eq!(Desk::new(&server).fetch().0.unwrap(), content());
    assert_eq!(server.requests().iter().map(Request::from).collect::<Vec<_>>(), [None, None]);
    // The server names the version but ignores the range.
    let server = Server::start(|_, before| Reply {
        breaks_after: (before == 0).then_some(300_000),
        ..Reply::whole(&content()).with("ETag", "\"v1\"")
    });
    assert_eq!(Desk::new(&server).fetch().0.unwrap(), content());
    assert_eq!(server.requests()[1].from(), Some(300_000));
}

#[test]
fn a_range_that_is_past_the_end_begins_anew() {
    let server = Server::start(|request, _| match request.from() {
        Some(_) => Reply::status(416),
        None => Reply::whole(&content()).with("ETag", "\"v1\""),
    });
    let desk = Desk::new(&server);
    fs::create_dir_all(desk.path("")).unwrap();
    fs::write(desk.path("weights.bin.part"), vec![0; 900_000]).unwrap();
    let url = format!("{}/org/net/resolve/main/sub/weights.bin", server.url());
    fs::write(desk.path("weights.bin.part.json"), format!("{{\"url\":{url:?},\"etag\":\"\\\"v1\\\"\"}}"))
        .unwrap();
    assert_eq!(desk.fetch().0.unwrap(), content());
}

#[test]
fn a_line_that_never_brings_anything_is_given_up() {
    let server = Server::start(|_, _| Reply { breaks_after: Some(0), ..Reply::whole(&content()) });
    let error = Desk::new(&server).failure();
    assert!(matches!(error.kind, FetchErrorKind::Transport { .. }), "{error}");
    assert!(error.hint().contains("run the same command again to continue"), "{}", error.hint());
    assert_eq!(server.requests().len(), 3);
}

/// A machine without a network must not wait for each of twenty files.
#[test]
fn a_host_that_gave_nothing_is_asked_once_for_the_next_file_until_it_answers() {
    let server = Server::start(|_, before| match before {
        0..4 => Reply { breaks_after: Some(0), ..Reply::whole(&content()) },
        _ => Reply::whole(&content()),
    });
    let desk = Desk::new(&server);
    let fetcher = desk.fetcher();
    let asked = |is_ok: bool| {
        assert_eq!(desk.fetch_by(&fetcher).0.is_ok(), is_ok);
        server.requests().len()
    };
    assert_eq!([asked(false), asked(false), asked(true)], [3, 4, 5]);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let server = Server::start(|_, before| match before {
        0 => Reply::status(503).with("Retry-After", "0"),
        1 => Reply::status(429),
        _ => Reply::whole(&content()),
    });
    let (fetched, events) = Desk::new(&server).fetch();
    assert_eq!(fetched.unwrap(), content());
    let waits = events.iter().filter_map(|event| match event {
        FetchEvent::Retry { reason, wait } => Some((reason.as_str(), wait.as_millis())),
        FetchEvent::Bytes { .. } => None,
    });
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [("the server returned status 503", 0), ("the server returned status 429", 2)]
    );
}

#[test]
fn what_a_server_refuses_is_not_asked_for_again() {
    for (status, said, hint) in [
        (404, "the server has no such file (404)", "manually"),
        (403, "access to it is restricted (403)", "accept the licence"),
        (401, "access to it is restricted (401)", "HF_TOKEN"),
        (400, "the server returned status 400", "manually"),
    ] {
        let server = Server::start(move |_, _| Reply::status(status));
        let error = Desk::new(&server).failure();
        assert!(error.to_string().ends_with(said), "{error}");
        assert!(error.hint().contains(hint), "{}", error.hint());
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn another_length_or_hash_is_refused_and_nothing_of_it_stays() {
    let server = Server::start(|request, _| Reply::ranged(request, &content(), "\"v1\""));
    let desk = Desk::new(&server).knowing("size_bytes = 5");
    let error = desk.failure();
    assert!(error.to_string().ends_with("it has 700000 bytes there, expected 5"), "{error}");
    let desk = Desk::new(&server).knowing(format!("sha256 = {:?}", "0".repeat(64)));
    let error = desk.failure();
    assert!(error.to_string().contains("it is a different file: its SHA-256 is"), "{error}");
    assert!(error.hint().contains("nothing was kept"));
    assert!(!desk.path("weights.bin.part").exists());
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_where_it_sends_us() {
    let other = Server::start(|_, _| Reply::whole(&content()));
    let elsewhere = other.url().replace("127.0.0.1", "localhost");
    let hub = Server::start(move |_, _| Reply::status(302).with("Location", format!("{elsewhere}/cdn")));
    let desk = Desk::new(&hub).with("HF_TOKEN", "secret");
    assert_eq!(desk.fetch().0.unwrap(), content());
    assert_eq!(hub.requests()[0].header("authorization"), Some("Bearer secret"));
    let [request] = &other.requests()[..] else { panic!("{:?}", other.requests()) };
    assert_eq!((request.path.as_str(), request.header("authorization")), ("/cdn", None));
}

#[test]
fn a_file_in_an_archive_is_taken_out_of_it() {
    let archive = |name: &'static str| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&content()).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let sound = Server::start(move |_, _| Reply::whole(&archive("models/weights.bin")));
    // The length and the hash are those of the file and not of the archive.
    let known =
        format!("member = \"models/weights.bin\"\nsize_bytes = 700000\nsha256 = {:?}", sha256(&content()));
    let desk = Desk::new(&sound).knowing(&known);
    assert_eq!(desk.fetch().0.unwrap(), content());
    let other = Server::start(move |_, _| Reply::whole(&archive("models/other.bin")));
    let desk = Desk::new(&other).knowing(&known);
    let error = desk.failure();
    assert!(error.to_string().contains("it does not contain models/weights.bin"), "{error}");
    assert_eq!(fs::read_dir(desk.path("")).unwrap().count(), 1, "the lock alone is left");
}

/// The second fetch waits for the first and finds its file.
#[test]
fn two_that_fetch_the_same_file_at_once_fetch_it_once() {
    let server = Server::start(|request, _| Reply::ranged(request, &content(), "\"v1\""));
    let desk = Desk::new(&server);
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..3).map(|_| scope.spawn(|| desk.fetch().0.unwrap())).collect();
        for fetch in fetches {
            assert_eq!(fetch.join().unwrap(), content());
        }
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn redirects_without_end_are_told() {
    let server = Server::start(|_, _| Reply::status(302).with("Location", "/again"));
    let error = Desk::new(&server).failure();
    assert!(error.to_string().contains("redirects"), "{error}");
}

#[test]
fn offline_opens_no_socket_and_takes_what_the_hubs_cache_has() {
    let server = Server::start(|_, _| Reply::whole(&content()));
    let cache = tempfile::tempdir().unwrap();
    let desk =
        Desk::new(&server).with("HF_HUB_OFFLINE", "1").with("HF_HUB_CACHE", cache.path().to_str().unwrap());
    let error = desk.failure();
    assert!(error.to_string().ends_with("offline, and it is not in the Hugging Face cache"), "{error}");
    assert!(error.hint().contains("vidbench nets import"), "{}", error.hint());
    let snapshot = cache.path().join("models--org--net/snapshots/abc/sub");
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join(NAME), "from the cache").unwrap();
    assert_eq!(desk.fetch().0.unwrap(), b"from the cache");
    assert!(server.requests().is_empty());
    assert!(snapshot.join(NAME).exists(), "the cache is the hub's");
}

#[test]
fn a_host_that_is_not_there_or_not_trusted_is_told() {
    let desk = Desk::new(&Server::start(|_, _| Reply::status(500)));
    let at = |endpoint: String| Desk {
        variables: vec![("HF_ENDPOINT", endpoint)],
        ..Desk::new(&Server::start(|_, _| Reply::status(500)))
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = at(format!("http://127.0.0.1:{free}")).failure();
    assert!(error.to_string().contains("refused"), "{error}");
    // The server at this port speaks no TLS.
    let port = desk.variables[0].1.rsplit(':').next().unwrap().to_owned();
    let error = at(format!("https://127.0.0.1:{port}")).failure();
    assert!(matches!(error.kind, FetchErrorKind::Transport { .. }), "{error}");
}
