//! Decodes the next frames in a thread of its own while a frame is converted.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ffmpeg_next::frame;

use crate::budget::TimeBudget;
use crate::error::VideoErrorKind;
use crate::probe::Probe;
use crate::reader::VideoReader;
use crate::turn::Turn;

/// How many decoded frames may wait to be taken.
const MAX_WAITING: usize = 1;

/// A [`VideoReader`] that decodes the next frame while the caller looks at the last one. Gives the same frames and the
/// same errors in the same order.
pub(crate) struct DecodeAhead {
    state: State,
    turn: Turn,
    probe: Probe,
    frame: frame::Video,
}

enum State {
    /// No frame was asked for yet. The thread starts with the first request, so a caller that only wants the headers
    /// starts none.
    Opened(Box<VideoReader>, TimeBudget),
    Decoding(Receiver<Decoded>, JoinHandle<()>),
    Over,
}

/// What the decoding thread sends.
enum Decoded {
    /// A frame and its presentation time; the first frame also carries the facts that it settled.
    Frame(frame::Video, f64, Option<Box<Probe>>),
    End(Box<Probe>),
    Failed(VideoErrorKind),
}

impl DecodeAhead {
    /// `budget` is the reader's own; it counts the work of the decoding thread.
    pub(crate) fn new(reader: VideoReader, budget: TimeBudget) -> Self {
        let (turn, probe) = (reader.turn(), reader.probe().clone());
        Self { state: State::Opened(Box::new(reader), budget), turn, probe, frame: frame::Video::empty() }
    }

    /// As [`VideoReader::next_frame`].
    pub(crate) fn next_frame(&mut self) -> Result<Option<f64>, VideoErrorKind> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Opened(reader, budget) => {
                let (tell, decoded) = sync_channel(MAX_WAITING);
                let thread = std::thread::spawn(move || decode_on(*reader, &budget, &tell));
                self.take_next(decoded, thread)
            }
            State::Decoding(decoded, thread) => self.take_next(decoded, thread),
            State::Over => Ok(None),
        }
    }

    fn take_next(
        &mut self,
        decoded: Receiver<Decoded>,
        thread: JoinHandle<()>,
    ) -> Result<Option<f64>, VideoErrorKind> {
        match decoded.recv() {
            Ok(Decoded::Frame(frame, secs, probe)) => {
                self.frame = frame;
                probe.into_iter().for_each(|probe| self.probe = *probe);
                self.state = State::Decoding(decoded, thread);
                Ok(Some(secs))
            }
            Ok(Decoded::End(probe)) => {
                self.probe = *probe;
                Ok(None)
            }
            Ok(Decoded::Failed(error)) => Err(error),
            Err(_) => {
                let panic = thread.join().err();
                let panic = panic.expect("invariant: the thread says how a clip ends before it ends itself");
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// As [`VideoReader::frame`].
    pub(crate) fn frame(&self) -> &frame::Video {
        &self.frame
    }

    /// As [`VideoReader::turn`].
    pub(crate) fn turn(&self) -> Turn {
        self.turn
    }

    /// Facts about the clip, from the frames handed out so far.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }
}

impl fmt::Debug for DecodeAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeAhead").field("probe", &self.probe).finish_non_exhaustive()
    }
}

/// Decodes until the clip ends or the receiver is gone.
fn decode_on(mut reader: VideoReader, budget: &TimeBudget, tell: &SyncSender<Decoded>) {
    let mut is_first = true;
    loop {
        let decoded = match budget.run(|| reader.next_frame()) {
            Ok(Some(secs)) => {
                let probe = std::mem::take(&mut is_first).then(|| Box::new(reader.probe().clone()));
                Decoded::Frame(reader.copy_frame(), secs, probe)
            }
            Ok(None) => Decoded::End(Box::new(reader.probe().clone())),
            Err(error) => Decoded::Failed(error),
        };
        let is_last = !matches!(decoded, Decoded::Frame(..));
        if tell.send(decoded).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use vidbench_core::FramesU8;

    use crate::{Fps, FrameReader, Limits, encode_ffv1};

    const FRAMES: usize = 12;

    fn clip(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("a.mkv");
        let bytes = (0..FRAMES * 32 * 32 * 3).map(|byte| (byte * 7 + byte / 3072 * 31) as u8).collect();
        encode_ffv1(&path, &FramesU8::new(FRAMES, 32, 32, bytes).unwrap(), Fps::new(8, 1).unwrap()).unwrap();
        path
    }

    #[test]
    fn facts_come_with_the_frame_that_settles_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = clip(folder.path());
        let open =
            |max_threads| FrameReader::open(&path, &Limits { max_threads, ..Limits::default() }).unwrap();
        let (mut one, mut ahead) = (open(1), open(2));
        for _ in 0..=FRAMES {
            assert_eq!(one.probe(), ahead.probe());
            let (theirs, ours) = (one.next_frame().unwrap(), ahead.next_frame().unwrap());
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        }
        assert_eq!(one.probe(), ahead.probe());
        assert!(ahead.next_frame().unwrap().is_none(), "and stays at the end");
    }

    #[test]
    fn an_error_comes_after_the_frames_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { max_threads: 2, max_frames: 9, ..Limits::default() };
        // The container records no frame count, so it does not show that the clip has too many frames.
        let mut ahead = FrameReader::open(clip(folder.path()), &limits).unwrap();
        for index in 0..9 {
            assert_eq!(ahead.next_frame().unwrap().unwrap().index, index);
        }
        let error = ahead.next_frame().unwrap_err().to_string();
        assert!(error.contains('9'), "{error}");
        assert!(ahead.next_frame().unwrap().is_none());
    }

    #[test]
    fn time_between_frames_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { max_threads: 2, max_decode_secs: 0.5, ..Limits::default() };
        let mut ahead = FrameReader::open(clip(folder.path()), &limits).unwrap();
        for _ in 0..FRAMES {
            assert!(ahead.next_frame().unwrap().is_some());
            std::thread::sleep(Duration::from_millis(60));
        }
        assert!(ahead.next_frame().unwrap().is_none());
    }
}
