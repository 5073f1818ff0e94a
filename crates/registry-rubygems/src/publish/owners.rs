//! Owners: who may change a gem, where the registry enforces that.

use http::StatusCode;
use registry_core::{
    Body, Error as CoreError, Result,
    auth::user_number,
    protocol::{self, Form},
    store::{Change, Document},
};

use super::{check_writer, uses};
use crate::{
    Answer, Call, Error, GemName,
    document::{Head, change, no_gem},
    layout::DOCUMENT,
    read,
    route::Format,
    wire::Owner,
};

impl Call<'_> {
    /// Who owns a gem.
    pub(crate) async fn owners(&self, name: &GemName, format: Format) -> Answer {
        let head = self.granted.repo()?.head::<Head>(DOCUMENT).await?;
        let head = head.filter(|head| head.is_spelled(name));
        let head = head.ok_or_else(no_gem)?;
        let owners = head.owners.iter().map(|handle| Owner {
            id: user_number(handle),
            handle: handle.clone(),
        });
        let owners: Vec<_> = owners.collect();
        if format == Format::Json {
            return Ok(protocol::json(StatusCode::OK, &owners)?);
        }
        let mut yaml = "---\n".to_owned();
        for Owner { id, handle } in &owners {
            yaml += &format!("- id: {id}\n  handle: {}\n", scalar(handle)?);
        }
        if owners.is_empty() {
            "--- []\n".clone_into(&mut yaml);
        }
        Ok(read::typed(yaml, YAML))
    }

    /// Makes a user an owner, or no longer an owner.
    pub(crate) async fn change_owners(
        &self,
        name: GemName,
        add: bool,
        query: &str,
        body: Body,
    ) -> Answer {
        self.check_use(if add {
            uses::ADD_OWNER
        } else {
            uses::REMOVE_OWNER
        })?;
        let form = Form::read(query, body).await?;
        let user = form.get("email").or_else(|| form.get("handle"));
        let mut user = user.unwrap_or_default().to_owned();
        if add {
            let profile = self.granted.auth().profile(&user).await?;
            let unknown = || CoreError::not_found("Owner could not be found.");
            user = profile.ok_or_else(unknown)?.name;
        }
        let writer = self.writer();
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let head = &mut document.head;
            check_writer(&writer, head, "manage owners of")?;
            if add {
                let changed = change::add_owner(head, &name, &user)?;
                return Ok(Change::when(changed, ()));
            }
            change::remove_owner(head, &name, &user)?;
            Ok(Change::write(()))
        };
        let repo = self.granted.repo()?;
        repo.change(DOCUMENT, Vec::new(), change).await?;
        let said = if add { "added" } else { "removed" };
        Ok(read::text(format!("Owner {said} successfully.")))
    }

    /// Who asks.
    pub(crate) async fn profile(&self, format: Format) -> Answer {
        let handle = self.granted.user()?;
        let profile = self.granted.auth().profile(handle).await?;
        let email = profile.and_then(|profile| profile.email);
        let id = user_number(handle);
        if format == Format::Json {
            let page = serde_json::json!({
                "id": id, "handle": **handle, "email": email, "mfa": "disabled",
            });
            return Ok(protocol::json(StatusCode::OK, &page)?);
        }
        let mut yaml = format!(
            "---\nid: {id}\nhandle: {}\nmfa: disabled\n",
            scalar(handle)?
        );
        if let Some(email) = email {
            yaml += &format!("email: {}\n", scalar(&email)?);
        }
        Ok(read::typed(yaml, YAML))
    }
}

/// The media type of YAML.
const YAML: &str = "application/yaml; charset=utf-8";

/// A text in YAML, as which every text in JSON will do.
fn scalar(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(CoreError::internal)
}
