//! What VMAF refuses before libvmaf is called. The numbers are tested beside the library, in vidbench-video.

use vidbench_core::{DecodedFrame, FramesU8, Plane, Planes};
use vidbench_metrics::meter::{PairView, measure_pair};
use vidbench_metrics::vmaf::Meter;
use vidbench_metrics::{MetricError, PairMetric};

fn frame(planes: Option<Planes<'_>>) -> DecodedFrame<'_> {
    DecodedFrame { index: 0, timestamp_secs: 0.0, width: 64, height: 64, rgb: &[], planes }
}

fn refusal(reference: Option<u8>, sample: Option<u8>) -> MetricError {
    let bytes = [0; 64 * 64 * 2];
    let planes = |bit_depth: u8| {
        let luma = Plane { width: 64, height: 64, stride: 128, bytes: &bytes };
        Planes { bit_depth, full_range: false, luma, chroma: None }
    };
    let mut meter = PairMetric::Vmaf.meter();
    meter.push(&PairView::new(frame(reference.map(planes)), frame(sample.map(planes))));
    meter.finish().unwrap_err()
}

#[test]
fn planes_that_are_not_alike_are_refused() {
    assert_eq!(refusal(None, Some(8)), MetricError::NoLuma { whose: "reference" });
    assert_eq!(refusal(Some(8), None), MetricError::NoLuma { whose: "sample" });
    assert_eq!(refusal(Some(8), Some(10)), MetricError::BitDepths { reference: 8, sample: 10 });
}

#[test]
fn frames_in_memory_have_no_luma_and_none_are_too_few() {
    let clip = FramesU8::new(2, 64, 64, vec![0; 2 * 64 * 64 * 3]).unwrap();
    let measured = measure_pair(Box::new(Meter::default()), &clip, &clip);
    assert_eq!(measured, Err(MetricError::NoLuma { whose: "reference" }));
    let none = FramesU8::new(0, 64, 64, vec![]).unwrap();
    let measured = measure_pair(Box::new(Meter::default()), &none, &none);
    assert_eq!(measured, Err(MetricError::TooFewFrames { frames: 0, needed: 1 }));
}
