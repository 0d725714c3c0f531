//! The files of a memory storage: which names lead to which bytes, and how much space they take.
//!
//! Calls, handles as objects and faults are elsewhere. What always holds: a file is kept, and its space counted,
//! exactly as long as it has a name or an open handle; and a change that needs more space than there is changes
//! nothing, except for a write, which keeps what fitted.

use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;

/// Space is given out in blocks of this size, as most file systems do.
const BLOCK_BYTES: u64 = 4096;

/// No file grows beyond this: a wild offset is an error, as on a disk, and not the end of the memory.
const FILE_BYTES_MAX: u64 = 1 << 32;

/// A file, whatever its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

#[derive(Debug, Default)]
struct Node {
    bytes: Vec<u8>,
    links: u64,
    handles: u64,
}

impl Node {
    fn blocks(&self) -> u64 {
        blocks(self.bytes.len() as u64)
    }
}

/// Names and files of one directory.
#[derive(Debug, Default)]
pub(super) struct Tree {
    names: BTreeMap<String, NodeId>,
    nodes: BTreeMap<NodeId, Node>,
    next_id: u64,
    capacity: Option<u64>,
    pub(super) is_locked: bool,
    pub(super) is_owner_named: bool,
}

impl Tree {
    pub(super) fn names(&self) -> impl Iterator<Item = (&String, &NodeId)> {
        self.names.iter()
    }

    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    pub(super) fn bytes(&self, id: NodeId) -> &[u8] {
        &self.nodes[&id].bytes
    }

    pub(super) fn bytes_mut(&mut self, id: NodeId) -> &mut Vec<u8> {
        &mut self.node_mut(id).bytes
    }

    pub(super) fn links(&self, id: NodeId) -> u64 {
        self.nodes[&id].links
    }

    /// Creates an empty file, if the name is free and there is space for a file.
    pub(super) fn create(&mut self, name: &str) -> io::Result<NodeId> {
        if self.names.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        if self.free_blocks() < blocks(0) {
            return Err(Errno::NOSPC.into());
        }
        Ok(self.insert(name))
    }

    /// Puts an empty file behind a name that is free, whatever the capacity.
    pub(super) fn insert(&mut self, name: &str) -> NodeId {
        let id = NodeId(self.next_id);
        self.next_id += 1;
        self.nodes.insert(id, Node::default());
        self.link(id, name);
        id
    }

    /// Gives a file one more name, in place of what that named.
    pub(super) fn link(&mut self, id: NodeId, name: &str) {
        self.node_mut(id).links += 1;
        if let Some(replaced) = self.names.insert(name.to_owned(), id) {
            self.unlink(replaced);
        }
    }

    /// Removes a name; false if there was none.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(id) = self.names.remove(name) else {
            return false;
        };
        self.unlink(id);
        true
    }

    pub(super) fn add_handle(&mut self, id: NodeId) {
        self.node_mut(id).handles += 1;
    }

    pub(super) fn drop_handle(&mut self, id: NodeId) {
        self.node_mut(id).handles -= 1;
        self.forget_if_unused(id);
    }

    /// Writes as much as there is space for; zeros fill a gap before it.
    pub(super) fn write(&mut self, id: NodeId, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= FILE_BYTES_MAX);
        let end = end.ok_or(Errno::FBIG)?;
        let writable_end = match self.capacity {
            None => u64::MAX,
            Some(_) => (self.nodes[&id].blocks() + self.free_blocks()) * BLOCK_BYTES,
        };
        if writable_end <= offset {
            return Err(Errno::NOSPC.into());
        }
        let start = usize::try_from(offset).map_err(|_| Errno::FBIG)?;
        let end = usize::try_from(end.min(writable_end)).map_err(|_| Errno::FBIG)?;
        let content = self.bytes_mut(id);
        if content.len() < end {
            content.resize(end, 0);
        }
        let count = end - start;
        content[start..end].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity = bytes;
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.nodes.values().map(Node::blocks).sum::<u64>() * BLOCK_BYTES
    }

    fn free_blocks(&self) -> u64 {
        let capacity = self.capacity.unwrap_or(u64::MAX);
        capacity.saturating_sub(self.used_bytes()) / BLOCK_BYTES
    }

    fn unlink(&mut self, id: NodeId) {
        self.node_mut(id).links -= 1;
        self.forget_if_unused(id);
    }

    fn forget_if_unused(&mut self, id: NodeId) {
        let node = &self.nodes[&id];
        if node.links == 0 && node.handles == 0 {
            self.nodes.remove(&id);
        }
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("a file that is named or open is kept")
    }
}

/// The blocks that a file of this size takes: at least one, for what the system itself notes about it.
fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).max(1)
}
