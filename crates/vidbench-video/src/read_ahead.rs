//! Decodes in a thread of its own, some frames ahead of the caller.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use vidbench_core::{DecodedFrame, Plane, Planes};

use crate::error::VideoError;
use crate::frame_reader::FrameReader;
use crate::probe::Probe;

/// How many frames of a clip may wait for the caller.
const MAX_FRAMES: usize = 16;
/// How many bytes of them may wait; one frame may always wait while another is looked at.
const MAX_BYTES: usize = 64 << 20;

/// A [`FrameReader`] that goes on reading while the caller looks at its frames, so that a caller that takes long, such
/// as a net on a GPU, never waits for a decoder. Gives the same frames and the same errors in the same order.
#[derive(Debug)]
pub struct ReadAhead {
    read: Receiver<Read>,
    /// Gives buffers back; the thread reads on only when it has a free one.
    free: Sender<Held>,
    /// The frame that is lent.
    lent: Option<Held>,
    probe: Probe,
    spent: Duration,
    is_over: bool,
    thread: Option<JoinHandle<()>>,
}

/// What the reading thread sends.
#[derive(Debug)]
enum Read {
    /// A frame; the first frame also carries the facts that it settled.
    Frame(Held, Option<Box<Probe>>),
    End(Box<Probe>, Duration),
    Failed(VideoError),
}

impl ReadAhead {
    /// Starts the reading thread.
    pub fn new(reader: FrameReader) -> Self {
        let probe = reader.probe().clone();
        let ((tell, read), (free, buffers)) = (channel(), channel());
        let thread = std::thread::spawn(move || read_on(reader, &buffers, &tell));
        let mut ahead = Self {
            read,
            free,
            lent: None,
            probe,
            spent: Duration::ZERO,
            is_over: false,
            thread: Some(thread),
        };
        ahead.allow(2);
        ahead
    }

    /// The next frame, lent until the one after is asked for; `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`FrameReader::next_frame`]; the first one ends the clip.
    pub fn next_frame(&mut self) -> Result<Option<DecodedFrame<'_>>, VideoError> {
        self.lent.take().into_iter().for_each(|held| self.give_back(held));
        if self.is_over {
            return Ok(None);
        }
        match self.read.recv() {
            Ok(Read::Frame(held, probe)) => {
                if let Some(probe) = probe {
                    self.probe = *probe;
                    self.allow(more_buffers(held.bytes()));
                }
                Ok(Some(self.lent.insert(held).lend()))
            }
            Ok(Read::End(probe, spent)) => {
                (self.probe, self.spent, self.is_over) = (*probe, spent, true);
                Ok(None)
            }
            Ok(Read::Failed(error)) => {
                self.is_over = true;
                Err(error)
            }
            Err(_) => self.pass_panic_on(),
        }
    }

    /// Facts about the clip, from the frames handed out so far.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// The time that reading took; known only at the end of the clip.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    fn allow(&mut self, buffers: usize) {
        (0..buffers).for_each(|_| self.give_back(Held::default()));
    }

    fn give_back(&self, held: Held) {
        // A thread that has read to the end takes no more buffers, so the send may fail.
        let _ = self.free.send(held);
    }

    fn pass_panic_on(&mut self) -> ! {
        let ended = self.thread.take().map(JoinHandle::join);
        let panic = ended
            .and_then(Result::err)
            .expect("invariant: the thread says how a clip ends before it ends itself");
        std::panic::resume_unwind(panic)
    }
}

/// How many frames of `bytes` bytes each may wait beyond the two that always may.
fn more_buffers(bytes: usize) -> usize {
    (MAX_BYTES / bytes.max(1)).min(MAX_FRAMES).saturating_sub(2)
}

/// Reads until the clip ends or the receiver is gone.
fn read_on(mut reader: FrameReader, buffers: &Receiver<Held>, tell: &Sender<Read>) {
    let mut is_first = true;
    while let Ok(mut held) = buffers.recv() {
        let read = match reader.next_frame() {
            Ok(Some(frame)) => {
                held.copy(&frame);
                let probe = std::mem::take(&mut is_first).then(|| Box::new(reader.probe().clone()));
                Read::Frame(held, probe)
            }
            Ok(None) => {
                let spent = reader.spent();
                let _ = tell.send(Read::End(Box::new(reader.into_probe()), spent));
                return;
            }
            Err(error) => {
                let _ = tell.send(Read::Failed(error));
                return;
            }
        };
        if tell.send(read).is_err() {
            return;
        }
    }
}

/// A copy of a frame that owns its bytes.
#[derive(Debug, Default)]
struct Held {
    index: usize,
    timestamp_secs: f64,
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    planes: Option<HeldPlanes>,
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
}

/// The layout of the stored planes, without their bytes.
#[derive(Debug, Clone, Copy)]
struct HeldPlanes {
    bit_depth: u8,
    full_range: bool,
    luma: Shape,
    chroma: Option<[Shape; 2]>,
}

/// Width and height in samples, and the stride.
type Shape = (usize, usize, usize);

impl Held {
    fn copy(&mut self, frame: &DecodedFrame<'_>) {
        let DecodedFrame { index, timestamp_secs, width, height, rgb, planes } = *frame;
        (self.index, self.timestamp_secs, self.width, self.height) = (index, timestamp_secs, width, height);
        refill(&mut self.rgb, rgb);
        self.planes = planes.map(|Planes { bit_depth, full_range, luma, chroma }| HeldPlanes {
            bit_depth,
            full_range,
            luma: copy_plane(&mut self.luma, &luma),
            chroma: chroma.map(|[cb, cr]| {
                let [of_cb, of_cr] = &mut self.chroma;
                [copy_plane(of_cb, &cb), copy_plane(of_cr, &cr)]
            }),
        });
    }

    fn lend(&self) -> DecodedFrame<'_> {
        let planes = self.planes.map(|HeldPlanes { bit_depth, full_range, luma, chroma }| {
            let [cb, cr] = &self.chroma;
            let chroma = chroma.map(|[of_cb, of_cr]| [lend_plane(of_cb, cb), lend_plane(of_cr, cr)]);
            Planes { bit_depth, full_range, luma: lend_plane(luma, &self.luma), chroma }
        });
        let Self { index, timestamp_secs, width, height, ref rgb, .. } = *self;
        DecodedFrame { index, timestamp_secs, width, height, rgb, planes }
    }

    fn bytes(&self) -> usize {
        let [cb, cr] = &self.chroma;
        self.rgb.len() + self.luma.len() + cb.len() + cr.len()
    }
}

fn copy_plane(bytes: &mut Vec<u8>, plane: &Plane<'_>) -> Shape {
    refill(bytes, plane.bytes);
    (plane.width, plane.height, plane.stride)
}

fn lend_plane((width, height, stride): Shape, bytes: &[u8]) -> Plane<'_> {
    Plane { width, height, stride, bytes }
}

fn refill(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use vidbench_core::FramesU8;

    use super::*;
    use crate::{Fps, H264Options, Limits, encode_ffv1, encode_h264};

    const SIZE: usize = 32;

    /// A clip whose frames all differ.
    fn clip(count: usize) -> FramesU8 {
        let at = |byte: usize| (byte * 7 + byte / (SIZE * SIZE * 3) * 31) as u8;
        FramesU8::new(count, SIZE, SIZE, (0..count * SIZE * SIZE * 3).map(at).collect()).unwrap()
    }

    /// All contents of a frame, as text.
    fn said(frame: &DecodedFrame<'_>) -> String {
        format!("{frame:?}")
    }

    #[test]
    fn frames_and_facts_are_those_of_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let (grey, colour) = (folder.path().join("a.mkv"), folder.path().join("b.mp4"));
        let fps = Fps::new(8, 1).unwrap();
        encode_ffv1(&grey, &clip(40), fps).unwrap();
        encode_h264(&colour, &clip(40), &H264Options::new(fps)).unwrap();
        for path in [&grey, &colour] {
            let mut reader = FrameReader::open(path, &Limits::default()).unwrap();
            let mut ahead = ReadAhead::new(FrameReader::open(path, &Limits::default()).unwrap());
            assert_eq!(ahead.probe(), reader.probe());
            loop {
                let (theirs, ours) = (reader.next_frame().unwrap(), ahead.next_frame().unwrap());
                assert_eq!(ours.as_ref().map(said), theirs.as_ref().map(said));
                if theirs.is_none() {
                    break;
                }
                assert_eq!(ahead.probe().colour, reader.probe().colour);
            }
            assert_eq!(ahead.probe(), reader.probe());
            assert!(ahead.spent() > Duration::ZERO);
            assert!(ahead.next_frame().unwrap().is_none(), "and stays at the end");
        }
    }

    #[test]
    fn an_error_comes_after_the_frames_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mkv");
        encode_ffv1(&path, &clip(12), Fps::new(8, 1).unwrap()).unwrap();
        let limits = Limits { max_frames: 9, ..Limits::default() };
        let opened = FrameReader::open(&path, &limits);
        let mut ahead = ReadAhead::new(opened.unwrap());
        for index in 0..9 {
            assert_eq!(ahead.next_frame().unwrap().unwrap().index, index);
        }
        let error = ahead.next_frame().unwrap_err().to_string();
        assert!(error.contains('9'), "{error}");
        assert!(ahead.next_frame().unwrap().is_none());
    }

    #[test]
    fn no_more_frames_wait_than_allowed() {
        assert_eq!(more_buffers(1), MAX_FRAMES - 2);
        assert_eq!(more_buffers(MAX_BYTES / 5), 3);
        assert_eq!(more_buffers(MAX_BYTES * 3), 0, "one is looked at, one waits");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mkv");
        encode_ffv1(&path, &clip(64), Fps::new(8, 1).unwrap()).unwrap();
        let mut ahead = ReadAhead::new(FrameReader::open(&path, &Limits::default()).unwrap());
        assert_eq!(ahead.next_frame().unwrap().unwrap().index, 0);
        // One of the buffers is lent.
        for _ in 1..MAX_FRAMES {
            ahead.read.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        assert!(ahead.read.recv_timeout(Duration::from_millis(100)).is_err());
    }

    #[test]
    fn a_reader_that_is_dropped_ends_its_thread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mkv");
        encode_ffv1(&path, &clip(64), Fps::new(8, 1).unwrap()).unwrap();
        let mut ahead = ReadAhead::new(FrameReader::open(&path, &Limits::default()).unwrap());
        ahead.next_frame().unwrap();
        let thread = ahead.thread.take().unwrap();
        drop(ahead);
        thread.join().unwrap();
    }
}
