//! Maintainers and stars, where a route of their own changes them.

use http::StatusCode;
use registry_core::{
    Body, Error as CoreError,
    auth::Action,
    protocol,
    store::{Change, Document},
};
use serde::Deserialize;

use super::tags::MAX_BODY;
use crate::{
    Answer, Call, PackageName,
    document::{Head, change},
    layout::{self, DOCUMENT},
    read::done,
    wire::Person,
};

#[derive(Deserialize)]
struct AddOwner {
    user: String,
}

#[derive(Deserialize)]
struct StarBody {
    name: String,
}

impl Call<'_> {
    /// Adds a maintainer.
    pub(crate) async fn add_owner(&self, body: Body) -> Answer {
        let AddOwner { user } = protocol::read_json(body, MAX_BODY).await?;
        let profile = self.granted.auth().profile(&user).await?;
        let unknown = || CoreError::not_found(format!("there is no user {user}"));
        let profile = profile.ok_or_else(unknown)?;
        let (now, person) = (
            self.now(),
            Person {
                name: profile.name,
                email: profile.email,
            },
        );
        self.edit(move |head, _, _| {
            change::add_maintainer(head, &person, &now);
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::OK)
    }

    /// Removes a maintainer.
    pub(crate) async fn remove_owner(&self, user: String) -> Answer {
        let now = self.now();
        self.edit(move |head, _, _| {
            change::remove_maintainer(head, &user, &now)?;
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::OK)
    }

    /// Gives or takes a star, which whoever may read a package may.
    pub(crate) async fn star(&self, starred: bool, body: Body) -> Answer {
        let StarBody { name } = protocol::read_json(body, MAX_BODY).await?;
        let name: PackageName = name.parse()?;
        let user = self.granted.changer()?.to_string();
        let repo = self
            .granted
            .authorize(&layout::resource(&name)?, Action::Read)
            .await?;
        let star = move |document: &mut Document<Head>| -> Result<_, CoreError> {
            if document.entries.is_empty() {
                return Err(CoreError::not_found("package not found"));
            }
            let stars = &mut document.head.stars;
            let changed = if starred {
                stars.insert(user.clone())
            } else {
                stars.remove(&user)
            };
            Ok(Change::when(changed, ()))
        };
        repo.change(DOCUMENT, Vec::new(), star).await?;
        done(StatusCode::OK)
    }
}
