//! Users, their logins and their tokens.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::{Identity, LoginState, NewToken, ProfileChange, Secret, TokenInfo},
    protocol,
};

use crate::{
    Answer, Call, Error, PackageName,
    read::done,
    wire::{self, Person},
};

/// The most bytes of these requests' bodies.
const MAX_BODY: usize = 64 << 10;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What whoever publishes without a name is called.
pub(crate) const NOBODY: &str = "anonymous";

/// What the user sees when a login in the browser went well.
const LOGGED_IN: &str =
    "<h1>Logged in</h1><p>You can close this page and go back to the terminal.</p>";

/// A time as npm writes it.
fn iso(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .map(|time| format!("{time:.3}"))
        .unwrap_or_default()
}

impl Call<'_> {
    /// Who asks, as manifests and owner lists name them.
    pub(crate) async fn person(&self) -> Result<Person, CoreError> {
        let Some(user) = self.granted.identity().user.as_deref() else {
            return Ok(Person {
                name: NOBODY.to_owned(),
                email: None,
            });
        };
        let profile = self.granted.auth().profile(user).await?;
        // npm prints `undefined` for an address that is missing, and nothing for an empty one.
        let email = profile
            .and_then(|profile| profile.email)
            .or(Some(String::new()));
        Ok(Person {
            name: user.to_owned(),
            email,
        })
    }

    pub(crate) fn whoami(&self) -> Answer {
        let username = self.granted.user()?;
        Ok(protocol::json(StatusCode::OK, &wire::Whoami { username })?)
    }

    /// Another user, for `npm owner add`.
    pub(crate) async fn user(&self, user: &str) -> Answer {
        let profile = self.granted.auth().profile(user).await?;
        let unknown = || CoreError::not_found(format!("there is no user {user}"));
        let profile = profile.ok_or_else(unknown)?;
        let id = format!("org.couchdb.user:{}", profile.name);
        let email = profile.email.as_deref().unwrap_or_default();
        let user = wire::User {
            id: &id,
            name: &profile.name,
            email,
        };
        Ok(protocol::json(StatusCode::OK, &user)?)
    }

    /// The couch login: a name and a password for a token.
    pub(crate) async fn login(&self, user: &str, body: Body) -> Answer {
        let login: wire::CouchLogin = protocol::read_json(body, MAX_BODY).await?;
        if login.name != user {
            return Err(
                CoreError::invalid("the user's name differs from that in the address").into(),
            );
        }
        let identity = self.by_password(user, &login.password).await?;
        let grant = NewToken {
            name: "npm login".to_owned(),
            ..NewToken::default()
        };
        let (token, _) = self.granted.auth().create_token(&identity, grant).await?;
        let ok = format!("you are authenticated as '{user}'");
        let logged_in = wire::LoggedIn {
            ok: &ok,
            token: token.reveal(),
        };
        secret(protocol::json(StatusCode::CREATED, &logged_in)?)
    }

    /// The user with this name and password; a client that is refused should ask for the password
    /// again.
    async fn by_password(&self, user: &str, password: &str) -> Result<Identity, Error> {
        let identity = self.granted.recognise(user, &Secret::new(password)).await;
        identity.map_err(|error| match error.kind() {
            ErrorKind::Unauthenticated => Error::Password(error),
            _ => error.into(),
        })
    }

    /// Begins a login in the browser.
    pub(crate) async fn web_login(&self) -> Answer {
        let session = self.granted.auth().begin_login().await?;
        let base = &self.context.base;
        let login_url = format!("{base}/-/v1/login/page/{}", session.page);
        let done_url = format!("{base}/-/v1/done/{}", session.secret);
        let login = wire::WebLogin {
            login_url: &login_url,
            done_url: &done_url,
        };
        secret(protocol::json(StatusCode::OK, &login)?)
    }

    pub(crate) fn login_page(&self) -> Answer {
        Ok(self.login_form(StatusCode::OK, None))
    }

    fn login_form(&self, status: StatusCode, error: Option<&str>) -> Response<Body> {
        let place = protocol::escape(self.context.base.as_str());
        let purpose =
            format!("npm asks to log in to {place}. Go on only if you started this yourself.");
        protocol::login_page(status, &purpose, error)
    }

    /// The form of the login's page.
    pub(crate) async fn submit_login(&self, id: &str, body: Body) -> Answer {
        let (user, password) = protocol::read_login(body).await?;
        let confirmed = match self.granted.recognise(&user, &password).await {
            Ok(identity) => self.granted.auth().confirm_login(id, &identity).await,
            Err(error) => Err(error),
        };
        match confirmed {
            Ok(()) => Ok(protocol::page(StatusCode::OK, "Logged in", LOGGED_IN)),
            Err(error) if error.kind() == ErrorKind::Internal => Err(error.into()),
            Err(error) => Ok(self.login_form(error.kind().status(), Some(error.message()))),
        }
    }

    /// The client asks whether its login is done.
    pub(crate) async fn poll_login(&self, asked: &str) -> Answer {
        match self.granted.auth().poll_login(asked).await? {
            LoginState::Done(token) => {
                let token = token.reveal();
                secret(protocol::json(
                    StatusCode::OK,
                    &wire::WebLoginDone { token },
                )?)
            }
            LoginState::Pending => {
                let mut response = protocol::json(StatusCode::ACCEPTED, &serde_json::json!({}))?;
                let soon = HeaderValue::from_static("1");
                response.headers_mut().insert(header::RETRY_AFTER, soon);
                Ok(response)
            }
        }
    }

    pub(crate) async fn tokens(&self) -> Answer {
        let tokens = self
            .granted
            .auth()
            .list_tokens(self.granted.identity())
            .await?;
        let objects: Vec<_> = tokens.into_iter().map(listed).collect();
        let total = objects.len();
        let list = wire::TokenList {
            objects,
            total,
            urls: wire::PageUrls::default(),
        };
        Ok(protocol::json(StatusCode::OK, &list)?)
    }

    /// A token for whoever knows the password.
    pub(crate) async fn create_token(&self, body: Body) -> Answer {
        let asked: wire::CreateToken = protocol::read_json(body, MAX_BODY).await?;
        let user = self.granted.user()?.clone();
        let identity = self.by_password(&user, &asked.password).await?;
        let grant = self.grant(asked)?;
        let (token, info) = self.granted.auth().create_token(&identity, grant).await?;
        let made = wire::Token {
            token: token.reveal().to_owned(),
            ..listed(info)
        };
        secret(protocol::json(StatusCode::CREATED, &made)?)
    }

    /// What a token that npm asks for is good for, in our scopes.
    fn grant(&self, asked: wire::CreateToken) -> Result<NewToken, CoreError> {
        let permission = asked.packages_and_scopes_permission.as_deref();
        let action = match permission {
            Some("read-write") => "delete",
            None if !asked.readonly => "delete",
            Some("read-only") | None => "read",
            Some("no-access") => {
                let message = "this registry has nothing but packages, so a token without access \
                               to them is good for nothing";
                return Err(CoreError::invalid(message));
            }
            Some(_) => {
                let message =
                    "packages_and_scopes_permission is read-only, read-write or no-access";
                return Err(CoreError::invalid(message));
            }
        };
        let mount = &self.context.mount;
        let mut scopes = Vec::new();
        for package in &asked.packages {
            let name: PackageName = package.parse()?;
            scopes.push(format!("{mount}:package:{name}:{action}"));
        }
        for scope in &asked.scopes {
            let scope = scope.trim_start_matches('@');
            let name: PackageName = format!("@{scope}/any").parse()?;
            let scope = name.scope().unwrap_or_default().trim_start_matches('@');
            scopes.push(format!("{mount}:package:@{scope}/*:{action}"));
        }
        if asked.packages_all || (permission.is_some() && scopes.is_empty()) {
            scopes.push(format!("{mount}:package:*:{action}"));
        }
        let expires = asked
            .expires
            .map(|days| self.context.clock.system_time() + DAY * days);
        Ok(NewToken {
            name: asked.name.or(asked.description).unwrap_or_default(),
            scopes,
            uses: Vec::new(),
            read_only: asked.readonly || permission == Some("read-only"),
            expires,
            networks: asked.cidr_whitelist,
            cut: false,
        })
    }

    /// Ends a token, named by its id or by itself.
    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        self.granted
            .auth()
            .revoke_token(self.granted.identity(), token)
            .await?;
        done(StatusCode::OK)
    }

    pub(crate) async fn profile(&self) -> Answer {
        let user = self.granted.user()?;
        let profile = self.granted.auth().profile(user).await?.unwrap_or_default();
        self.show(&profile)
    }

    pub(crate) async fn set_profile(&self, body: Body) -> Answer {
        let asked: wire::ProfileChange = protocol::read_json(body, MAX_BODY).await?;
        if asked.tfa.is_some() {
            let message = "this registry has no second factor";
            return Err(CoreError::new(ErrorKind::Unsupported, message).into());
        }
        let password = asked
            .password
            .map(|p| (Secret::new(p.old), Secret::new(p.new)));
        let change = ProfileChange {
            email: asked.email,
            full_name: asked.fullname,
            password,
        };
        let identity = self.granted.identity();
        let profile = self.granted.auth().change_profile(identity, change).await?;
        self.show(&profile)
    }

    fn show(&self, profile: &registry_core::auth::Profile) -> Answer {
        let time = |time: Option<SystemTime>| time.map(iso).unwrap_or_default();
        let (created, updated) = (time(profile.created), time(profile.updated));
        let profile = wire::Profile {
            tfa: None,
            name: self.granted.user()?,
            email: profile.email.as_deref().unwrap_or_default(),
            email_verified: false,
            created: &created,
            updated: &updated,
            fullname: profile.full_name.as_deref().unwrap_or_default(),
            cidr_whitelist: None,
        };
        Ok(protocol::json(StatusCode::OK, &profile)?)
    }
}

/// An answer that holds a secret.
fn secret(mut response: Response<Body>) -> Answer {
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

/// A token as npm lists it.
fn listed(info: TokenInfo) -> wire::Token {
    wire::Token {
        key: info.id,
        token: info.hint,
        name: Some(info.grant.name),
        created: iso(info.created),
        expires: info.grant.expires.map(iso),
        readonly: info.grant.read_only,
        cidr_whitelist: info.grant.networks,
        scopes: info.grant.scopes,
    }
}
