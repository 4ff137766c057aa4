//! `vidbench metrics`: describes the metrics and tests whether this machine computes their nets correctly.

use anyhow::Result;
use serde_json::{Value, json};
use vidbench::{ANCHORS, Anchor, Anchored, FORMULAS};
use vidbench_core::{Direction, MetricDescriptor, NetOptions};
use vidbench_metrics::{DESCRIPTORS, find};
use vidbench_nn::nets::{GOLDEN_TOLERANCE, Golden, Net, NetError, Skeleton};
use vidbench_nn::{Manifest, NetState, NetStore, SessionOptions};
use vidbench_worker::StoredNets;

use super::{UserError, columns, json as pretty};
use crate::cli::{MetricsCommand, MetricsSelftestArgs};
use crate::ui::Ui;
use crate::{FAILED, OK};

/// Nets that are quick to test: `selftest` takes these unless others are named.
const QUICK: [&str; 4] = ["aesthetic-head", "lpips-alex", "lpips-squeeze", "musiq-spaq"];

pub(crate) fn metrics(command: &MetricsCommand, ui: Ui) -> Result<u8> {
    match command {
        MetricsCommand::List(args) => list(args.json, ui),
        MetricsCommand::Show(args) => show(&args.metric, args.json, ui),
        MetricsCommand::Selftest(args) => selftest(args, ui),
    }
}

pub(super) fn list(as_json: bool, ui: Ui) -> Result<u8> {
    if as_json {
        let values: Vec<Value> = DESCRIPTORS.iter().map(value).collect();
        ui.data(&pretty(&json!(values))?)?;
        return Ok(OK);
    }
    let mut rows = vec![
        ["metric", "better", "by default", "nets", "commercial use", "ready", "what"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(DESCRIPTORS.iter().map(|metric| {
        let nets = if metric.nets.is_empty() { "-".into() } else { metric.nets.join(", ") };
        [
            metric.id,
            better(metric.direction),
            vidbench::ByDefault::of(metric).text(),
            &nets,
            vidbench::commercial_use(metric),
            lacking(metric).unwrap_or("yes"),
            metric.title,
        ]
        .map(str::to_owned)
        .to_vec()
    }));
    ui.data(&columns(&rows))?;
    ui.say(
        "`vidbench metrics show METRIC` explains a metric; `vidbench nets list` shows more about the nets",
    );
    Ok(OK)
}

fn better(direction: Direction) -> &'static str {
    match direction {
        Direction::HigherIsBetter => "higher",
        Direction::LowerIsBetter => "lower",
        Direction::Descriptive => "-",
    }
}

fn value(metric: &MetricDescriptor) -> Value {
    json!({
        "descriptor": metric,
        "by_default": vidbench::ByDefault::of(metric).text(),
        "commercial_use": vidbench::commercial_use(metric),
        "ready": lacking(metric).is_none(),
    })
}

/// What the metric needs and this machine lacks.
fn lacking(metric: &MetricDescriptor) -> Option<&'static str> {
    if metric.id.starts_with("vmaf@") {
        return vidbench_video::libvmaf_version().err().map(|_| "no libvmaf");
    }
    (!has_weights(metric)).then_some("no weights")
}

/// Whether the weights of all its nets are on this machine.
fn has_weights(metric: &MetricDescriptor) -> bool {
    let store = NetStore::from_environment();
    let ready =
        |net: &&str| store.as_ref().is_ok_and(|store| matches!(store.state(net), Ok(NetState::Ready(_))));
    // The classifier of the embedded model's domain ships with the program and is always there.
    metric.nets.iter().filter(|net| Skeleton::names().any(|known| known == **net)).all(ready)
}

fn show(name: &str, as_json: bool, ui: Ui) -> Result<u8> {
    let metric = match find(name) {
        Ok(metric) => metric,
        Err(error) => {
            let unknown = || UserError { message: error.to_string(), hints: error.hints() };
            ui.data(vidbench::page_named(name).filter(|_| !as_json).ok_or_else(unknown)?)?;
            return Ok(OK);
        }
    };
    if as_json {
        ui.data(&pretty(&value(metric))?)?;
        return Ok(OK);
    }
    let mut text = vidbench::metric_page(metric).to_owned();
    let nets = metric.nets.iter().filter_map(|net| Manifest::shipped().net(net));
    for net in nets {
        text += &format!(
            "\nNet {}: licence {}, commercial use {}\n",
            net.name,
            net.licence,
            net.commercial.text()
        );
    }
    ui.data(&text)?;
    Ok(OK)
}

fn selftest(args: &MetricsSelftestArgs, ui: Ui) -> Result<u8> {
    let names: Vec<String> = match (args.nets.as_slice(), args.all) {
        (_, true) => Skeleton::names().map(str::to_owned).collect(),
        ([], false) => QUICK.map(str::to_owned).to_vec(),
        (names, false) => names.to_vec(),
    };
    let (runtime, device) = (args.net_runtime.into(), args.net_device);
    let options = vidbench::session_options(NetOptions { random_seed: None, runtime, device });
    let goldens = names.iter().map(|name| golden(name)).collect::<Result<Vec<_>>>()?;
    let formulas = compute(FORMULAS.iter(), &options, ui);
    let mut rows = vec![["net", "runtime", "difference", ""].map(str::to_owned).to_vec()];
    let (mut values, mut failed) = (Vec::new(), formulas.iter().any(DoneAnchor::failed));
    for (name, golden) in names.iter().zip(&goldens) {
        // Announced first, because large nets take minutes.
        ui.say(&format!("testing {name}"));
        let tested = test(name, golden, &options);
        let (runtime, distance, verdict) = match &tested {
            Ok((runtime, distance)) if *distance <= GOLDEN_TOLERANCE => {
                (runtime.clone(), Some(*distance), "pass".into())
            }
            Ok((runtime, distance)) => (runtime.clone(), Some(*distance), "FAIL".into()),
            Err(error) => ("-".into(), None, format!("FAIL: {error:#}")),
        };
        failed |= verdict != "pass";
        values.push(json!({ "net": name, "runtime": runtime, "difference": distance, "verdict": verdict }));
        let distance = distance.map_or("-".into(), |distance| format!("{distance:.1e}"));
        rows.push(vec![name.clone(), runtime, distance, verdict]);
    }
    let tested = |net: &&str| names.iter().any(|name| name == net);
    let anchors = compute(ANCHORS.iter().filter(|anchor| anchor.nets.iter().all(&tested)), &options, ui);
    failed |= anchors.iter().any(DoneAnchor::failed);
    if args.json {
        let [formulas, anchors] =
            [&formulas, &anchors].map(|done| done.iter().map(DoneAnchor::value).collect::<Vec<_>>());
        let said = json!({ "tolerance": GOLDEN_TOLERANCE, "formulas": formulas, "nets": values, "anchors": anchors });
        ui.data(&pretty(&said)?)?;
    } else {
        ui.data(&columns(&table("formula", &formulas)))?;
        ui.say("without nets, compared with other programs");
        ui.data(&format!("\n{}", columns(&rows)))?;
        ui.say(&format!(
            "with random weights, compared with PyTorch; the largest allowed difference is {GOLDEN_TOLERANCE:.0e} of the largest value"
        ));
        if !anchors.is_empty() {
            ui.data(&format!("\n{}", columns(&table("published figure", &anchors))))?;
            ui.say("with trained weights, compared with published figures");
        }
    }
    Ok(if failed { FAILED } else { OK })
}

/// An anchor and its result.
struct DoneAnchor {
    anchor: &'static Anchor,
    outcome: Anchored,
}

fn compute(
    wanted: impl Iterator<Item = &'static Anchor>,
    options: &SessionOptions,
    ui: Ui,
) -> Vec<DoneAnchor> {
    let store = NetStore::from_environment();
    let nets = StoredNets::new(None, options.clone());
    let compute = |anchor: &'static Anchor| {
        // Announced only for nets: the largest anchor puts 256 clips through I3D, while an anchor without nets is done
        // at once.
        if !anchor.nets.is_empty() {
            ui.say(&format!("computing: {}", anchor.name));
        }
        let outcome = match &store {
            Ok(store) => anchor.compute(store, &nets),
            Err(error) => Anchored::NotAvailable(error.to_string()),
        };
        DoneAnchor { anchor, outcome }
    };
    wanted.map(compute).collect()
}

fn table(what: &str, anchors: &[DoneAnchor]) -> Vec<Vec<String>> {
    let head = [what, "by", "figure", "here", "difference", ""].map(str::to_owned).to_vec();
    [head].into_iter().chain(anchors.iter().map(DoneAnchor::row)).collect()
}

impl DoneAnchor {
    fn difference(&self) -> Option<f64> {
        match self.outcome {
            Anchored::Value(value) => Some(self.anchor.difference(value)),
            Anchored::NotAvailable(_) | Anchored::Failed(_) => None,
        }
    }

    fn failed(&self) -> bool {
        match self.outcome {
            Anchored::Value(value) => self.anchor.difference(value) > self.anchor.tolerance,
            Anchored::NotAvailable(_) => false,
            Anchored::Failed(_) => true,
        }
    }

    fn verdict(&self) -> String {
        match &self.outcome {
            Anchored::Value(_) if self.failed() => {
                format!("FAIL: differs by more than {:.0e} of it", self.anchor.tolerance)
            }
            Anchored::Value(_) => "pass".into(),
            Anchored::NotAvailable(reason) => format!("not available: {reason}"),
            Anchored::Failed(reason) => format!("FAIL: {reason}"),
        }
    }

    fn here(&self) -> Option<f64> {
        match self.outcome {
            Anchored::Value(value) => Some(value),
            Anchored::NotAvailable(_) | Anchored::Failed(_) => None,
        }
    }

    fn row(&self) -> Vec<String> {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        vec![
            self.anchor.name.to_owned(),
            self.anchor.source.to_owned(),
            format!("{:.6}", self.anchor.published),
            or_none(self.here().map(|value| format!("{value:.6}"))),
            or_none(self.difference().map(|difference| format!("{difference:.1e}"))),
            self.verdict(),
        ]
    }

    fn value(&self) -> Value {
        let Anchor { name, nets, published, tolerance, source, .. } = self.anchor;
        json!({
            "name": name, "nets": nets, "source": source, "published": published, "tolerance": tolerance,
            "value": self.here(), "difference": self.difference(), "verdict": self.verdict(),
        })
    }
}

/// The stored reference results of a net; an error for an unknown net.
fn golden(name: &str) -> Result<Golden> {
    Golden::of(name).map_err(|error| match error {
        NetError::Unknown { .. } => {
            let known: Vec<&str> = Skeleton::names().collect();
            UserError::new(error.to_string(), format!("the nets are {}", known.join(", "))).into()
        }
        other => other.into(),
    })
}

/// The runtime, and the largest deviation of a net from PyTorch over its cases.
fn test(name: &str, golden: &Golden, options: &SessionOptions) -> Result<(String, f64)> {
    // In a temporary folder, so that nothing remains on the disk.
    let folder = tempfile::tempdir()?;
    let ready = NetStore::at(folder.path()).random(golden.seed()).ready(name)?;
    let net = Net::load(ready.skeleton, ready.weights, options)?;
    let apart = (0..golden.cases()).map(|case| golden.distance(&net, case)).collect::<Result<Vec<_>, _>>()?;
    Ok((net.runtime_name().to_owned(), apart.into_iter().fold(0.0, f64::max)))
}
