//! A session with a helper: a connection, and the helper on its other side. The one place that opens them.

use std::path::Path;

use ays_model::Target;

use crate::connect_error::ConnectError;
use crate::connection::{Connection, Network};
use crate::helper::Helper;
use crate::helper_error::HelperError;
use crate::settings::Transport;

/// A running helper and the connection to it.
pub struct Session {
    /// Does the steps. It stands before the connection, because it must end first.
    pub helper: Helper,
    /// How the helper is reached.
    pub connection: Connection,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The helper does not start.
    #[error(transparent)]
    Helper(#[from] HelperError),
}

impl Session {
    /// A session with a node.
    pub async fn open(target: &Target, transport: &Transport) -> Result<Self, OpenError> {
        let connection = Connection::open(target, transport).await?;
        let helper = Helper::start(&connection).await?;
        Ok(Self { helper, connection })
    }

    /// A session with this machine, by a helper that lives in a temporary directory below `temporary`, so that nothing is
    /// left.
    pub async fn here(temporary: &Path) -> Result<Self, HelperError> {
        let connection =
            Connection::throwaway(temporary).map_err(|error| HelperError::Spawn(error.into()))?;
        let helper = Helper::start(&connection).await?;
        Ok(Self { helper, connection })
    }

    /// A session with a node that goes away with it; see [`Connection::throwaway_node`].
    pub async fn throwaway_node(temporary: &Path, network: Network) -> Result<Self, HelperError> {
        let connection = Connection::throwaway_node(temporary, network);
        let connection = connection.map_err(|error| HelperError::Spawn(error.into()))?;
        let helper = Helper::start(&connection).await?;
        Ok(Self { helper, connection })
    }

    /// Ends the helper, then the connection.
    pub async fn close(self) {
        self.helper.close().await;
    }
}
