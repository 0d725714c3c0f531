//! Calling a node: where it listens at the moment, and a connection to it that is made when it is needed.
//!
//! What always holds: a connection whose call did not end well is never used again, so that no response is taken for
//! that of another request.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::protocol::{Request, Response, receive, send};

/// Where each node listens. A port is chosen by the system at each start, so this changes.
#[derive(Clone, Default)]
pub(crate) struct AddressBook(Arc<RwLock<BTreeMap<u64, SocketAddr>>>);

impl AddressBook {
    pub(crate) fn put(&self, node: u64, address: SocketAddr) {
        self.0.write().insert(node, address);
    }

    pub(crate) fn remove(&self, node: u64) {
        self.0.write().remove(&node);
    }

    pub(crate) fn find(&self, node: u64) -> Option<SocketAddr> {
        self.0.read().get(&node).copied()
    }

    pub(crate) fn all(&self) -> BTreeMap<u64, SocketAddr> {
        self.0.read().clone()
    }
}

/// A connection to one node, or to wherever it listens by now.
pub(crate) struct Connection {
    node: u64,
    addresses: AddressBook,
    open: Option<BufStream<TcpStream>>,
}

impl Connection {
    pub(crate) fn new(node: u64, addresses: AddressBook) -> Self {
        Self { node, addresses, open: None }
    }

    pub(crate) fn node(&self) -> u64 {
        self.node
    }

    /// Sends a request and waits for the response, all of it for at most `limit`.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if nothing was sent; after any other, whether the node did it is unknown.
    pub(crate) async fn call(&mut self, request: &Request, limit: Duration) -> io::Result<Response> {
        let mut is_sent = false;
        let work = async {
            // Out of its place while a call is under way: if that ends early, in whatever way, it is gone.
            let mut stream = match self.open.take() {
                Some(stream) => stream,
                None => self.connect().await?,
            };
            is_sent = true;
            send(&mut stream, request).await?;
            let response = receive(&mut stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok((stream, response))
        };
        match timeout(limit, work).await {
            Ok(Ok((stream, response))) => {
                self.open = Some(stream);
                Ok(response)
            }
            Ok(Err(error)) if is_sent => Err(error),
            Ok(Err(error)) => Err(io::Error::new(io::ErrorKind::NotConnected, error)),
            Err(_) if is_sent => Err(io::ErrorKind::TimedOut.into()),
            Err(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn connect(&self) -> io::Result<BufStream<TcpStream>> {
        let address = self.addresses.find(self.node).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(BufStream::new(stream))
    }
}
