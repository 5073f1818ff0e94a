//! API keys, as `gem signin` asks for them: tokens for gems alone, for the uses that are asked for.

use registry_core::{
    Body,
    auth::{NewToken, Secret},
    protocol::Form,
};

use super::uses;
use crate::{Answer, Call, Error, read};

impl Call<'_> {
    /// A key as clients before RubyGems 3.2 want it: for everything.
    pub(crate) async fn old_key(&self) -> Answer {
        self.make_key("gem signin", Vec::new()).await
    }

    /// A key for what the form says.
    pub(crate) async fn new_key(&self, body: Body) -> Answer {
        let form = Form::read("", body).await?;
        let asked = asked(&form);
        if asked.is_empty() {
            return Err(Error::senseless("Please enable at least one scope"));
        }
        if asked.len() > 1 && asked.iter().any(|one| one == uses::DASHBOARD) {
            let message = "Show dashboard scope must be enabled exclusively";
            return Err(Error::senseless(message));
        }
        let name = form.get("name").filter(|name| !name.is_empty());
        self.make_key(name.unwrap_or("gem signin"), asked).await
    }

    /// Makes a key good for more: clients ask for it when they were told that a key lacks something.
    pub(crate) async fn widen_key(&self, body: Body) -> Answer {
        let form = Form::read("", body).await?;
        let key = Secret::new(form.get("api_key").unwrap_or_default());
        let (identity, asked) = (self.granted.identity(), asked(&form));
        self.granted.auth().add_uses(identity, &key, &asked).await?;
        Ok(read::text("Scopes for the API key were updated"))
    }

    /// A token for the gems of this mount alone, and for no more of them than the user may do.
    async fn make_key(&self, name: &str, uses: Vec<String>) -> Answer {
        let grant = NewToken {
            name: name.to_owned(),
            scopes: vec![format!("{}:gem:*:delete", self.context.mount)],
            uses,
            cut: true,
            ..NewToken::default()
        };
        let identity = self.granted.identity();
        let made = self.granted.auth().create_token(identity, grant).await;
        let (secret, _) = made?;
        Ok(read::text(secret.reveal()))
    }
}

/// The uses that a form asks for.
fn asked(form: &Form) -> Vec<String> {
    let yes = |one: &&&str| matches!(form.get(one), Some("true" | "1" | "on"));
    let asked = uses::ALL.iter().filter(yes);
    asked.map(ToString::to_string).collect()
}
