//! `vidbench doctor`: what this machine has and lacks, each with advice.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde::Serialize;
use vidbench::PythonEnvError;
use vidbench_engines::{Means, output_within};
use vidbench_nn::{Manifest, NetState, NetStore};
use vidbench_store::{Cache, Store};

use super::{bytes_text, cache, json};
use crate::cli::DoctorArgs;
use crate::ui::{Ui, duration};
use crate::{FAILED, OK};

#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    detail: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// Something works less well, because this is missing.
    Absent,
    /// Nothing works until this is fixed.
    Broken,
}

pub(crate) fn doctor(args: &DoctorArgs, workspace: &Path, ui: Ui) -> Result<u8> {
    let findings = examine(workspace);
    let text = if args.json { json(&findings)? } else { text(&findings) };
    ui.data(&text)?;
    let broken = findings.iter().any(|finding| finding.state == State::Broken);
    Ok(if broken { FAILED } else { OK })
}

fn examine(workspace: &Path) -> Vec<Finding> {
    let machine = vidbench::environment(Vec::new());
    let gib = |bytes: u64| format!("{:.1} GiB of memory", bytes as f64 / f64::from(1_u32 << 30));
    let memory = machine.memory_bytes.map_or_else(|| "memory unknown".into(), gib);
    let fact = |name, detail| Finding { name, state: State::Ok, detail, hint: None };
    let mut findings = vec![
        fact("system", machine.os.clone()),
        fact("processor", format!("{}, {} cores, {memory}", machine.cpu, machine.cores)),
        libav(),
        h264(),
        runtime(),
        nets(),
        diffusers(),
        containers(),
        vmaf(),
    ];
    findings.push(match machine.accelerators.as_slice() {
        [] => Finding {
            name: "accelerator",
            state: State::Absent,
            detail: "none found".into(),
            hint: Some("the embedded model needs none; for other models install the NVIDIA driver".into()),
        },
        names => fact("accelerator", names.join(", ")),
    });
    findings.extend(sensors());
    findings.extend(confinement());
    findings.push(workspace_finding(workspace));
    findings.push(cache_finding(workspace));
    findings
}

/// Sensors that a run reads alongside its samples; without them those numbers are null.
fn sensors() -> [Finding; 2] {
    let found = vidbench_runner::sensors();
    let finding = |name, found: Result<Vec<String>, String>, hint: &str| match found {
        Ok(names) => Finding { name, state: State::Ok, detail: names.join(", "), hint: None },
        Err(why) => Finding { name, state: State::Absent, detail: why, hint: Some(hint.into()) },
    };
    let device =
        "power, energy and memory of accelerators are not recorded; set VIDBENCH_NVML to use another library";
    let processor = "processor energy is not recorded; by default Linux lets only root read /sys/class/powercap/*/energy_uj";
    [finding("sensors", found.devices, device), finding("cpu energy", found.cpu_energy, processor)]
}

/// The limits that this machine can enforce on workers.
fn confinement() -> [Finding; 3] {
    let means = std::env::current_exe().map(|vidbench| Means::of(&vidbench));
    let means = means.unwrap_or_else(|error| Means::unknown(&error.to_string()));
    let finding = |name, found: Result<String, String>, hint: &str| match found {
        Ok(detail) => Finding { name, state: State::Ok, detail, hint: None },
        Err(detail) => Finding { name, state: State::Absent, detail, hint: Some(hint.into()) },
    };
    let bubblewrap = match vidbench_engines::bubblewrap() {
        Some(program) => format!("bubblewrap: {}", program.display()),
        None => "no bubblewrap".into(),
    };
    let network = means.network_cut().map(|cut| format!("{}; {bubblewrap}", cut.described()));
    let files = means.files_abi().map(|abi| format!("Landlock ABI {abi}: {}", of_abi(abi)));
    let watch = means.watch.clone().map(|()| {
        "open files, file size and core files by the system; memory and processor time by watching".into()
    });
    [
        finding(
            "limits",
            watch,
            "memory_mib and cpu_secs of `confinement` need a kernel with CONFIG_PROC_CHILDREN",
        ),
        finding(
            "no network",
            network.map_err(|why| format!("workers cannot be cut off from the network: {why}; {bubblewrap}")),
            "sudo apt-get install bubblewrap, or let users create namespaces: sysctl kernel.unprivileged_userns_clone=1, \
             kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        finding(
            "files",
            files.map_err(|why| format!("workers cannot be confined to certain files: {why}")),
            "needs Linux 6.2 or newer, booted with lsm=landlock,...",
        ),
    ]
}

/// The file restrictions that a version of Landlock adds.
fn of_abi(abi: u32) -> &'static str {
    match abi {
        0..=3 => "files",
        4 | 5 => "files and TCP",
        _ => "files, TCP, signals and abstract sockets",
    }
}

fn libav() -> Finding {
    let (state, detail, hint) = match vidbench_video::libav_version() {
        Ok(version) => (State::Ok, version, None),
        Err(error) => {
            let hint = "install FFmpeg's libraries: sudo apt-get install libavformat-dev libswscale-dev";
            (State::Broken, error.to_string(), Some(hint.to_owned()))
        }
    };
    Finding { name: "libav", state, detail, hint }
}

/// H.264 needs a libavcodec that was built with libx264; the only reliable test is to encode a small clip.
fn h264() -> Finding {
    let broken = |detail: String| Finding {
        name: "h264 encoder",
        state: State::Broken,
        detail,
        hint: Some("install a libavcodec with libx264: sudo apt-get install libavcodec-dev".into()),
    };
    let encode = || -> Result<()> {
        let folder = tempfile::tempdir()?;
        let frames = vidbench_core::FramesU8::new(1, 16, 16, vec![128; 16 * 16 * 3])?;
        let fps = vidbench_video::Fps::new(8, 1)
            .ok_or_else(|| anyhow::anyhow!("8 frames per second is a valid rate"))?;
        vidbench_video::encode_h264(
            folder.path().join("probe.mp4"),
            &frames,
            &vidbench_video::H264Options::new(fps),
        )?;
        Ok(())
    };
    match encode() {
        Ok(()) => Finding { name: "h264 encoder", state: State::Ok, detail: "libx264".into(), hint: None },
        Err(error) => broken(format!("{error:#}")),
    }
}

fn runtime() -> Finding {
    let finding = |state, detail, hint: Option<&str>| Finding {
        name: "inference",
        state,
        detail,
        hint: hint.map(str::to_owned),
    };
    match vidbench_nn::onnx_runtime_version() {
        Ok(version) => finding(State::Ok, format!("ONNX Runtime {version}; tract is built in"), None),
        Err(error) if std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty()) => {
            finding(State::Broken, format!("tract, built in, because {error}"), error.hint())
        }
        Err(_) => finding(
            State::Ok,
            "tract, built in".into(),
            Some(
                "ONNX Runtime is faster: pip install onnxruntime, then set ORT_DYLIB_PATH to the libonnxruntime.so.* in its capi folder",
            ),
        ),
    }
}

/// The environments that models of diffusers run in. Suites that name none use the default one.
fn diffusers() -> Finding {
    let name = "diffusers";
    let root = vidbench::envs_root();
    let others = root.as_ref().ok().and_then(|root| vidbench::list_envs(root).ok()).unwrap_or_default();
    let others: Vec<String> = others
        .into_iter()
        .flatten()
        .filter(|env| env.name != vidbench::DEFAULT_ENV)
        .map(|env| format!("; {}: diffusers {}, torch {}", env.name, env.diffusers, env.torch))
        .collect();
    let (state, detail, hint) = match root.and_then(|root| vidbench::find_env(&root, vidbench::DEFAULT_ENV)) {
        Ok(env) => {
            let detail = format!("diffusers {}, torch {}, Python {}", env.diffusers, env.torch, env.python);
            (State::Ok, detail, None)
        }
        Err(error) if vidbench::has_uv() => (State::Absent, error.to_string(), error.hint()),
        Err(error) => {
            let no_uv = PythonEnvError::NoUv;
            (State::Absent, format!("{error}, and {no_uv}"), no_uv.hint())
        }
    };
    Finding { name, state, detail: detail + &others.concat(), hint }
}

/// The engine needed by models that run in a container.
fn containers() -> Finding {
    let name = "containers";
    // A daemon that hangs never answers.
    let patience = std::time::Duration::from_secs(10);
    let mut docker = Command::new("docker");
    let asked = output_within(docker.args(["version", "--format", "{{.Server.Version}}"]), patience);
    let said = asked.map(|output| (output.status.success(), output));
    match said {
        Ok((true, output)) => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Finding { name, state: State::Ok, detail: format!("Docker {version}"), hint: None }
        }
        Ok((false, output)) => {
            let words = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
            let hint = Some("start the Docker service; only models with `container` need it".into());
            Finding { name, state: State::Absent, detail: format!("Docker does not answer: {words}"), hint }
        }
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            let hint = Some("restart the Docker service; only models with `container` need it".into());
            Finding { name, state: State::Absent, detail: format!("Docker hangs: {error}"), hint }
        }
        Err(_) => {
            let hint = Some("install Docker if a suite has models with `container`".into());
            Finding { name, state: State::Absent, detail: "Docker is not installed".into(), hint }
        }
    }
}

/// Metrics without a net work in any case, so a missing net counts as absent, not as broken.
fn nets() -> Finding {
    let finding = |state, detail, hint: Option<&str>| Finding {
        name: "nets",
        state,
        detail,
        hint: hint.map(str::to_owned),
    };
    let store = match NetStore::from_environment() {
        Ok(store) => store,
        Err(error) => return finding(State::Absent, error.to_string(), error.hint().as_deref()),
    };
    let names: Vec<&str> = Manifest::shipped().nets().map(|net| net.name.as_str()).collect();
    let state = |name: &&str| store.state(name).unwrap_or_else(|error| NetState::Damaged(error.to_string()));
    let states: Vec<NetState> = names.iter().map(state).collect();
    let ready = states.iter().filter(|state| matches!(state, NetState::Ready(_))).count();
    let detail = format!("{ready} of {} ready, in {}", names.len(), store.root().display());
    let damaged = names.iter().zip(&states).filter(|(_, state)| matches!(state, NetState::Damaged(_)));
    let damaged: Vec<&str> = damaged.map(|(name, _)| *name).collect();
    match ready {
        _ if !damaged.is_empty() => {
            let detail = format!("{detail}; damaged: {}", damaged.join(", "));
            finding(State::Absent, detail, Some("`vidbench nets verify` shows what is wrong with each"))
        }
        0 => finding(
            State::Absent,
            detail,
            Some(
                "`vidbench nets fetch vbench` fetches what VBench's dimensions need; `vidbench nets list` lists all nets",
            ),
        ),
        _ => finding(State::Ok, detail, None),
    }
}

fn vmaf() -> Finding {
    let (state, detail, hint) = match vidbench_video::libvmaf_version() {
        Ok(version) => (State::Ok, format!("libvmaf {version}"), None),
        Err(error) => {
            let named = std::env::var_os("VIDBENCH_LIBVMAF").is_some_and(|path| !path.is_empty());
            let state = if named { State::Broken } else { State::Absent };
            (state, format!("optional: {error}"), error.hint().map(str::to_owned))
        }
    };
    Finding { name: "vmaf", state, detail, hint }
}

fn workspace_finding(workspace: &Path) -> Finding {
    let finding = |state, detail, hint: Option<&str>| Finding {
        name: "workspace",
        state,
        detail,
        hint: hint.map(str::to_owned),
    };
    if !workspace.exists() {
        let made =
            workspace.ancestors().skip(1).find(|folder| folder.as_os_str().is_empty() || folder.exists());
        let above = made.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return match tempfile::tempdir_in(above) {
            Ok(_) => {
                let detail = format!("{}: does not exist yet, the first run creates it", workspace.display());
                finding(State::Ok, detail, None)
            }
            Err(error) => {
                let detail =
                    format!("{}: cannot be created in {}: {error}", workspace.display(), above.display());
                finding(State::Broken, detail, Some("name a writable folder with --workspace"))
            }
        };
    }
    if !workspace.is_dir() {
        let detail = format!("{}: a file, not a folder", workspace.display());
        return finding(State::Broken, detail, Some("name a folder with --workspace"));
    }
    let opened = Store::open_existing(workspace).and_then(|store| {
        store.check_writable()?;
        Ok((
            store.runs()?.len(),
            store.scorings()?.len(),
            store.free_disk_bytes()? as f64 / f64::from(1_u32 << 30),
        ))
    });
    match opened {
        Ok((runs, scorings, free)) => finding(
            State::Ok,
            format!("{}: runs: {runs}, scorings: {scorings}, free disk: {free:.1} GiB", workspace.display()),
            None,
        ),
        Err(error) => {
            let hint = error.hint();
            finding(State::Broken, error.to_string(), hint.as_deref())
        }
    }
}

fn cache_finding(workspace: &Path) -> Finding {
    let finding = |state, detail, hint| Finding { name: "cache", state, detail, hint };
    let chosen = match vidbench::cache_choice() {
        Ok(chosen) => chosen,
        Err(error) => return finding(State::Broken, error.to_string(), Some(error.hint())),
    };
    let limit = cache::limit(chosen);
    if chosen.size.is_off() {
        let hint = "unset the variable to cache net outputs for clips";
        return finding(State::Absent, limit, Some(hint.into()));
    }
    // Looking must not change anything: no cache is created in a workspace without one.
    if !workspace.join("cache").is_dir() {
        return finding(State::Ok, format!("{limit}; empty"), None);
    }
    match Cache::open(workspace, chosen.size).and_then(|cache| cache.usage()) {
        Ok(kinds) => {
            let (bytes, saved) =
                (kinds.iter().map(|kind| kind.bytes).sum(), kinds.iter().map(|kind| kind.saved_secs).sum());
            finding(State::Ok, format!("{limit}; {}, saved {}", bytes_text(bytes), duration(saved)), None)
        }
        // Commands that would use the cache run without it.
        Err(error) => finding(State::Absent, error.to_string(), error.hint()),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.state {
            State::Ok => "ok",
            State::Absent => "absent",
            State::Broken => "BROKEN",
        };
        text.push_str(&format!("{mark:<7} {:<13} {}\n", finding.name, finding.detail));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("{:<22}hint: {hint}\n", ""));
        }
    }
    text
}
