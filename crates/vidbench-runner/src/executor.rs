//! Untimed work beside and between timed work: tasks in a bounded queue, done by a few threads.
//!
//! Timed work that needs the whole machine holds the executor ([`Executor::alone`]): running tasks end first, and no
//! task begins until the guard is dropped. How many tasks run side by side may change at any moment
//! ([`Executor::set_limit`]).

use std::collections::BTreeMap;

use super::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Which task goes first: a smaller value is sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// The task frees memory that others wait for.
    Free,
    /// Everything else, in the order of the plan.
    Usual,
}

/// A queue of tasks and the threads that serve it, which call [`Executor::serve`].
#[derive(Debug)]
pub(crate) struct Executor<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: BTreeMap<(Urgency, u64, u64), T>,
    next: u64,
    running: usize,
    limit: usize,
    /// How much timed work has the machine to itself or waits for it.
    held: usize,
    closed: bool,
}

/// Closes the executor.
#[derive(Debug)]
pub(crate) struct Closing<'e, T>(&'e Executor<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// While this guard lives, nothing else runs.
#[derive(Debug)]
pub(crate) struct Alone<'e, T>(&'e Executor<T>);

impl<T> Executor<T> {
    /// At most `capacity` tasks wait and `limit`, at least one, run at a time.
    pub(crate) fn new(capacity: usize, limit: usize) -> Self {
        let waiting = BTreeMap::new();
        let state = State { waiting, next: 0, running: 0, limit: limit.max(1), held: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Puts a task into the queue, or gives it back when the queue is full. A task that frees memory always has a
    /// place.
    pub(crate) fn offer(&self, urgency: Urgency, ordinal: u64, task: T) -> Result<(), T> {
        let mut state = self.state();
        if urgency != Urgency::Free && state.waiting.len() >= self.capacity {
            return Err(task);
        }
        // `next` keeps the keys distinct, even if the caller uses an ordinal twice.
        let key = (urgency, ordinal, state.next);
        state.next += 1;
        state.waiting.insert(key, task);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Does tasks until the executor is closed and none waits; `work` is called on this thread.
    pub(crate) fn serve(&self, mut work: impl FnMut(T)) {
        while let Some(task) = self.take() {
            let _running = Running(self);
            work(task);
        }
    }

    fn take(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.held == 0 && state.running < state.limit {
                if let Some((_, task)) = state.waiting.pop_first() {
                    state.running += 1;
                    return Some(task);
                }
                if state.closed {
                    return None;
                }
            }
            state = self.wait(state);
        }
    }

    /// Waits until nothing runs, and lets nothing begin until the guard is dropped.
    pub(crate) fn alone(&self) -> Alone<'_, T> {
        let mut state = self.state();
        state.held += 1;
        while state.running > 0 {
            state = self.wait(state);
        }
        Alone(self)
    }

    /// Takes back the tasks that wait.
    pub(crate) fn withdraw(&self) -> Vec<T> {
        std::mem::take(&mut self.state().waiting).into_values().collect()
    }

    /// How many may run at a time from now on; at least one, so that work always ends.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.state().limit = limit.max(1);
        self.changed.notify_all();
    }

    /// How many may run at a time.
    pub(crate) fn limit(&self) -> usize {
        self.state().limit
    }

    /// No more tasks come: the threads end when the queue is empty.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// A guard that closes the executor when it is dropped.
    pub(crate) fn close_at_the_end(&self) -> Closing<'_, T> {
        Closing(self)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Every change is made as a whole, so that a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State<T>>) -> MutexGuard<'s, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Alone<'_, T> {
    fn drop(&mut self) {
        self.0.state().held -= 1;
        self.0.changed.notify_all();
    }
}

/// A running task. Dropping it ends the count, even if the task panics.
struct Running<'e, T>(&'e Executor<T>);

impl<T> Drop for Running<'_, T> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}
