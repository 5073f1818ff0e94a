//! `/me`: the page to which `cargo login` sends its user for a token.

use http::{Response, StatusCode};
use registry_core::{
    Body, Error as CoreError,
    auth::{Identity, NewToken, Secret},
    protocol,
};

use crate::{Answer, Call};

impl Call<'_> {
    /// The page.
    pub(crate) fn me(&self) -> Answer {
        Ok(self.form(StatusCode::OK, None))
    }

    /// The page's form: a token for whoever knows a password.
    pub(crate) async fn make_token(&self, body: Body) -> Answer {
        let (user, password) = protocol::read_login(body).await?;
        let made = match self.granted.recognise(&user, &password).await {
            Ok(identity) => self.token(&identity).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(token) => Ok(told(&token)),
            Err(error) if error.kind().status().is_client_error() => {
                Ok(self.form(error.kind().status(), Some(error.message())))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn form(&self, status: StatusCode, error: Option<&str>) -> Response<Body> {
        let place = protocol::escape(self.context.base.as_str());
        let purpose = format!("This makes a token with which cargo may use {place}.");
        protocol::login_page(status, &purpose, error)
    }

    /// A token for crates alone, and for no more of them than the user may do.
    async fn token(&self, identity: &Identity) -> Result<Secret, CoreError> {
        let grant = NewToken {
            name: "cargo login".to_owned(),
            scopes: vec![format!("{}:crate:*:delete", self.context.mount)],
            cut: true,
            ..NewToken::default()
        };
        let made = self.granted.auth().create_token(identity, grant);
        Ok(made.await?.0)
    }
}

fn told(token: &Secret) -> Response<Body> {
    let token = protocol::escape(token.reveal());
    let body = format!(
        "<h1>Your token</h1><p>It is shown only now. Paste it where <code>cargo login</code> \
         asks for it:</p><p><code>{token}</code></p>"
    );
    protocol::page(StatusCode::OK, "Your token", &body)
}
