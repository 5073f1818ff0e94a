//! A provider of one's own: who somebody is comes from elsewhere, here from a fixed list.

use std::{net::IpAddr, sync::Arc};

use axum::Router;
use registry::{
    Error, ErrorKind, Result,
    auth::{Action, AuthProvider, Credentials, Decision, Identity, Permission},
    npm::Npm,
    protocol::{Builder, Mount, Options},
    storage::Memory,
};

/// `team-a` publishes below `@a/`, everybody reads.
struct Teams;

#[async_trait::async_trait]
impl AuthProvider for Teams {
    async fn authenticate(
        &self,
        shown: &Credentials,
        _mount: &str,
        _from: Option<IpAddr>,
    ) -> Result<Identity> {
        match shown {
            Credentials::None => Ok(Identity::anonymous()),
            Credentials::Token(token) if token.reveal() == "key-of-team-a" => {
                Ok(Identity::user("team-a"))
            }
            _ => Err(Error::new(
                ErrorKind::Unauthenticated,
                "ask your team for its key",
            )),
        }
    }

    async fn authorize(&self, who: &Identity, what: Permission<'_>) -> Result<Decision> {
        let ours = who.user.as_deref() == Some("team-a") && what.name.starts_with("@a/");
        let allowed = what.action == Action::Read || ours;
        Ok(if allowed {
            Decision::Allow
        } else {
            Decision::Deny
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let storage = Arc::new(Memory::default());
    let registry = Builder::new(storage, Arc::new(Teams), Options::default())
        .mount(Mount::new(Npm::default()))
        .build()?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().fallback_service(registry)).await?)
}
