//! The settings of a log: each with its unit, default and bounds, checked once when the log is opened.

use std::path::{Path, PathBuf};

use raft_log_chunk::SurveyOptions;

/// How a log is kept. `Config::new(dir)` is good for most; every field may be changed before the log is opened.
///
/// A path alone is a `Config` with the defaults: `RaftLog::open("dir")`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Config {
    /// The directory of the log. Its last component is created if its parent exists.
    pub directory: PathBuf,

    /// Refuse to open where there is no log yet, be it that the directory does not exist or that it holds none, instead of
    /// beginning one. Default: `false`.
    ///
    /// A new log has no vote, and a node that forgot its vote can elect two leaders. Set this for every start of a node but
    /// its first: then a mistyped path, a disk that is not mounted, or one that was wiped, is an error. A first start that
    /// made nothing durable has left no log.
    #[cfg_attr(feature = "serde", serde(default))]
    pub must_exist: bool,

    /// How many entries the cache holds at most. Entries that are not durable yet are held in any case, and up to 63
    /// before them. Default: 100,000. Any value is allowed.
    #[cfg_attr(feature = "serde", serde(default = "default::log_cache_max_items"))]
    pub log_cache_max_items: usize,

    /// How many bytes of payload the cache holds at most. Default: 256 MiB. Any value is allowed.
    #[cfg_attr(feature = "serde", serde(default = "default::log_cache_capacity"))]
    pub log_cache_capacity: usize,

    /// How many bytes are read from a file at once. Default: 1 MiB; from 4 KiB to 1 GiB.
    #[cfg_attr(feature = "serde", serde(default = "default::read_buffer_size"))]
    pub read_buffer_size: usize,

    /// The chunk that is written to.
    #[cfg_attr(feature = "serde", serde(default))]
    pub chunk: ChunkConfig,

    /// What `open` does with bytes behind the end of the log, which a crash leaves there and nobody was told were
    /// stored: `true` ends the log before them and says so in the report, `false` refuses to open. They stay in the
    /// file either way. In a chunk made of a purged one's file, such bytes cannot be told from what that one left: there
    /// only the report tells, by frames of the chunk's own. Default: `true`.
    #[cfg_attr(feature = "serde", serde(default = "default::yes"))]
    pub truncate_incomplete_record: bool,

    /// Read and check every record when the log is opened, instead of believing what sealed chunks say of themselves in
    /// their footers. Opening then takes as long as reading the log does, on as many threads as there are processors and
    /// chunks, eight at most. What is damaged is in
    /// [`OpenReport::damaged`](crate::OpenReport::damaged); an entry that is damaged is not found otherwise before it is
    /// read. Default: `false`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub full_check: bool,

    /// How many bytes may wait for a sync. At 1 MiB, or half of it if that is less, a sync is started without being
    /// asked for; at all of it the
    /// writer waits. Default: 64 MiB; from 64 KiB to 4 GiB. A single larger batch is written alone.
    #[cfg_attr(feature = "serde", serde(default = "default::max_unsynced_bytes"))]
    pub max_unsynced_bytes: u64,

    /// How many microseconds a flush waits for company before it is written. The log groups what gathers during a
    /// sync by itself, so more is seldom worth it. Default: 0; at most one second.
    #[cfg_attr(feature = "serde", serde(default))]
    pub flush_delay_micros: u64,

    /// From how many milliseconds on a sync is slow: it is counted as such, and a warning goes to `tracing`. Default:
    /// 200, which a healthy disk does not come near, and which takes a good part of the time after which Raft's
    /// followers usually call an election; from 1 to 600,000.
    #[cfg_attr(feature = "serde", serde(default = "default::slow_sync_millis"))]
    pub slow_sync_millis: u64,
}

/// The settings of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct ChunkConfig {
    /// How many records a chunk takes before the next one is begun. Default: 1,048,576; from 1 to 16 Mi.
    pub max_records: u64,

    /// How many bytes a chunk takes before the next one is begun; only a single record that is larger than this
    /// makes a larger chunk. Default: 64 MiB; from 256 bytes to 4 GiB.
    ///
    /// While a log is open, up to two files of purged chunks are kept for the next ones, if they are between half and
    /// twice this size.
    pub max_size: u64,

    /// Space is laid ahead of the frames in steps of this many bytes, so that a sync overwrites blocks that are there
    /// already. 0 lays no more than the next operation and the reserve need. Default: 1 MiB; at most 1 GiB.
    pub space_step: u64,

    /// How many spare files of 128 KiB are kept, so that the log can vote, commit and purge on a full disk.
    /// Default: 2; at most 64.
    pub spares: usize,
}

mod default {
    pub(super) const fn log_cache_max_items() -> usize {
        100_000
    }
    pub(super) const fn log_cache_capacity() -> usize {
        256 << 20
    }
    pub(super) const fn read_buffer_size() -> usize {
        1 << 20
    }
    pub(super) const fn max_unsynced_bytes() -> u64 {
        64 << 20
    }
    pub(super) const fn slow_sync_millis() -> u64 {
        200
    }
    #[cfg(feature = "serde")]
    pub(super) const fn yes() -> bool {
        true
    }
}

impl Default for ChunkConfig {
    fn default() -> Self {
        Self { max_records: 1 << 20, max_size: 64 << 20, space_step: 1 << 20, spares: 2 }
    }
}

impl Config {
    /// The defaults, for the log in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            must_exist: false,
            log_cache_max_items: default::log_cache_max_items(),
            log_cache_capacity: default::log_cache_capacity(),
            read_buffer_size: default::read_buffer_size(),
            chunk: ChunkConfig::default(),
            truncate_incomplete_record: true,
            full_check: false,
            max_unsynced_bytes: default::max_unsynced_bytes(),
            flush_delay_micros: 0,
            slow_sync_millis: default::slow_sync_millis(),
        }
    }

    /// Checks every value against its bounds.
    ///
    /// # Errors
    /// For the first that is out of them.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let within = |option: &'static str, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) { Ok(()) } else { Err(ConfigError { option, value, min, max }) }
        };
        within("read_buffer_size", self.read_buffer_size as u64, 4 << 10, 1 << 30)?;
        within("chunk.max_records", self.chunk.max_records, 1, 16 << 20)?;
        within("chunk.max_size", self.chunk.max_size, 256, 4 << 30)?;
        within("chunk.space_step", self.chunk.space_step, 0, 1 << 30)?;
        within("chunk.spares", self.chunk.spares as u64, 0, 64)?;
        within("max_unsynced_bytes", self.max_unsynced_bytes, 64 << 10, 4 << 30)?;
        within("flush_delay_micros", self.flush_delay_micros, 0, 1_000_000)?;
        within("slow_sync_millis", self.slow_sync_millis, 1, 600_000)
    }

    pub(crate) fn survey_options(&self) -> SurveyOptions {
        SurveyOptions {
            window_bytes: self.read_buffer_size,
            refuse_torn: !self.truncate_incomplete_record,
            use_footers: true,
            check_frames: self.full_check,
            ..SurveyOptions::default()
        }
    }
}

/// A setting out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting {option} is {value}; it must be from {min} to {max}")]
pub struct ConfigError {
    /// Which setting.
    pub option: &'static str,
    /// Its value.
    pub value: u64,
    /// The smallest value allowed.
    pub min: u64,
    /// The largest value allowed.
    pub max: u64,
}

impl From<PathBuf> for Config {
    fn from(directory: PathBuf) -> Self {
        Self::new(directory)
    }
}

/// Whatever the standard library takes for a path: `&str`, `&Path`, `&PathBuf`, `&String`, `&OsStr`.
impl<P: AsRef<Path> + ?Sized> From<&P> for Config {
    fn from(directory: &P) -> Self {
        Self::new(directory.as_ref())
    }
}

impl From<String> for Config {
    fn from(directory: String) -> Self {
        Self::new(directory)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn whatever_is_a_path_is_a_config() {
        let config = Config::new(PathBuf::from("log"));
        let text = String::from("log");
        assert_eq!(Config::from("log"), config);
        assert_eq!(Config::from(&text), config);
        assert_eq!(Config::from(Path::new(&text)), config);
        assert_eq!(Config::from(&PathBuf::from(&text)), config);
        assert_eq!(Config::from(OsStr::new(&text)), config);
        assert_eq!(Config::from(text), config);
    }

    #[test]
    fn a_setting_out_of_bounds_is_named_in_the_message_of_opening() {
        let mut config = Config::new("log");
        config.read_buffer_size = 1;
        let error = crate::OpenError::from(config.validate().unwrap_err());
        assert_eq!(
            error.to_string(),
            "the setting read_buffer_size is 1; it must be from 4096 to 1073741824"
        );
    }
}
