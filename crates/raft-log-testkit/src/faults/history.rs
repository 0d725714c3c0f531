//! A log's life on a simulated disk, step by step, with what it has promised kept up to date for whoever watches.

use std::sync::Arc;

use parking_lot::Mutex;
use raft_log::PlainTypes;

use super::disk_log::{DiskLog, Opener};
use super::promises::{Fault, Promises, digest_of};
use super::step::{Action, Step};
use crate::{NaiveModel, SimulatedDisk};

/// A log that lives.
pub(super) struct Life<'a, O: Opener> {
    opener: &'a O,
    disk: SimulatedDisk,
    log: Option<O::Log>,
    promises: Arc<Mutex<Promises>>,
    /// How many steps were done: it makes payloads different.
    serial: u64,
}

/// Why a life does not go on: a sentence.
pub(super) type Stop = String;

impl<'a, O: Opener> Life<'a, O> {
    /// A log that is about to be opened on a disk that holds `model`.
    pub(super) fn on(opener: &'a O, disk: SimulatedDisk, model: NaiveModel<PlainTypes>, serial: u64) -> Self {
        Self::with(opener, disk, Promises::of(model), serial)
    }

    /// A log that is about to be opened on a disk that holds what the promises allow.
    pub(super) fn with(opener: &'a O, disk: SimulatedDisk, promises: Promises, serial: u64) -> Self {
        Self { opener, disk, log: None, promises: Arc::new(Mutex::new(promises)), serial }
    }

    /// What the log was given and has promised.
    pub(super) fn promises(&self) -> &Arc<Mutex<Promises>> {
        &self.promises
    }

    /// The disk, as the process that is alive sees it.
    pub(super) fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }

    /// Opens the log, which must hold what it may, and promises from then on what it holds.
    ///
    /// # Errors
    /// When it does not open or holds something else.
    pub(super) fn open(&mut self) -> Result<(), Stop> {
        let log = self.opener.open(&self.disk).map_err(|error| format!("it does not open: {error}"))?;
        let contents = log.contents().map_err(|error| format!("it cannot be read: {error}"))?;
        self.log = Some(log);
        match self.promises.lock().opened_with(digest_of(&contents)) {
            Ok(()) => Ok(()),
            Err(Fault::Lost) => Err(format!("an acknowledged record is lost: {contents:?}")),
            Err(Fault::Silent) => Err(format!("it never held {contents:?}")),
        }
    }

    /// Does one step.
    ///
    /// # Errors
    /// When the log refuses it, or is not as it should be after a restart.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Stop> {
        match step.action {
            Action::Close => {
                let issued = self.promises.lock().issued();
                self.log().close()?;
                self.promises.lock().acknowledge(issued);
                self.log = None;
                return self.open();
            }
            Action::Kill => {
                self.restart();
                return self.open();
            }
            _ => {}
        }
        self.write(step)?;
        if step.is_synced {
            self.sync()?;
        }
        Ok(())
    }

    /// Kills the process. What it still hears of its flushes was true before.
    pub(super) fn restart(&mut self) {
        self.disk = self.disk.kill();
        self.log = None;
    }

    /// Writes what the step says, and takes it back from the promises if the log refuses it.
    pub(super) fn write(&mut self, step: Step) -> Result<(), Stop> {
        self.serial += 1;
        let (records, issued) = {
            let mut promises = self.promises.lock();
            let records = step.records(promises.newest(), self.serial);
            let issued = promises.issue(&records);
            (records, issued)
        };
        if records.is_empty() {
            return Ok(());
        }
        let written = self.log().write(records);
        if written.is_err() {
            self.promises.lock().take_back(issued);
        }
        written
    }

    /// Syncs; what was written before is acknowledged then.
    pub(super) fn sync(&mut self) -> Result<(), Stop> {
        let issued = self.promises.lock().issued();
        self.log().sync()?;
        self.promises.lock().acknowledge(issued);
        Ok(())
    }

    /// The log.
    pub(super) fn log(&mut self) -> &mut O::Log {
        self.log.as_mut().expect("a log that was opened")
    }
}

impl<O: Opener> Drop for Life<'_, O> {
    /// A life ends by a kill: dropping a log would close it.
    fn drop(&mut self) {
        self.disk.watch(None);
        self.disk = self.disk.kill();
    }
}
