//! raft-log's tool, which knows what this application's payloads mean: `kv-cluster log dump DIR`, `kv-cluster log diff A B`.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use openraft::EntryPayload;
use openraft::type_config::alias::EntryPayloadOf;
use raft_log_dump::PayloadView;
use raft_log_dump::cli::Program;

use crate::types::Types;

/// Look into the log of a node: dump, diff, verify and more
#[derive(Debug, Args)]
pub(crate) struct LogTool {
    #[command(flatten)]
    program: Program,
}

impl LogTool {
    pub(crate) fn run(&self) -> ExitCode {
        ExitCode::from(self.program.run_with(&Commands).code())
    }
}

struct Commands;

impl PayloadView for Commands {
    fn show(&self, payload: &Bytes) -> String {
        // As `SerdeCodec` stores an entry: a zero, then the entry without its id.
        let Some((0, entry)) = payload.split_first() else { return "stored in another way".to_owned() };
        match postcard::from_bytes::<EntryPayloadOf<Types>>(entry) {
            Ok(EntryPayload::Blank) => "blank".to_owned(),
            Ok(EntryPayload::Normal(put)) => format!("{put} = {}", put.value),
            Ok(EntryPayload::Membership(membership)) => {
                format!("members {:?}", membership.voter_ids().collect::<Vec<u64>>())
            }
            Err(error) => format!("no entry of this application: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::Entry;
    use openraft::vote::leader_id_adv::LeaderId;
    use raft_log_openraft::{Codec, SerdeCodec};

    use super::*;
    use crate::types::{LogId, Put};

    #[test]
    fn a_stored_command_is_shown_as_what_it_means() {
        let put = Put { key: "a".into(), version: 3, value: "x".into() };
        let log_id = LogId::new(LeaderId { term: 2, node_id: 1 }, 7);
        let entry: Entry<_, _> = Entry { log_id, payload: EntryPayload::Normal(put) };
        let mut bytes = Vec::new();
        <SerdeCodec as Codec<Types>>::encode_entry(&entry, &mut bytes).unwrap();
        assert_eq!(Commands.show(&bytes.into()), "a version 3 = x");
        assert_eq!(Commands.show(&Bytes::from_static(&[0, 0])), "blank");
    }
}
