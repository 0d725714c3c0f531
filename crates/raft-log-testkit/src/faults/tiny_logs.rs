//! Configurations that make much happen with little data.

use raft_log::Config;

/// Logs whose chunks take a few records, with space laid so scarcely that every operation claims some: without spares,
/// with one, and with chunks so small that nearly every purged one is reused.
pub fn tiny_logs() -> Vec<Config> {
    let tiny = |max_size, space_step, spares| {
        let mut config = Config::new("unused");
        config.chunk.max_records = 4;
        config.chunk.max_size = max_size;
        config.chunk.space_step = space_step;
        config.chunk.spares = spares;
        config.read_buffer_size = 4096;
        config.log_cache_max_items = 3;
        config
    };
    vec![tiny(4096, 512, 0), tiny(4096, 512, 1), tiny(600, 512, 0)]
}
