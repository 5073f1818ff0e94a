//! Access tokens: the endpoint that gives them, and the challenge that sends clients there.
//!
//! Rules: distribution's token authentication specification (its forms by GET and, after OAuth2, by
//! POST), and what clients make of it.

use std::{collections::BTreeSet, time::Duration};

use http::{HeaderValue, StatusCode, header};
use registry_core::{
    Body,
    auth::{Access, AccessEntry, AccessRequest, Action, Credentials, Identity, Secret},
    protocol::{self, Context, Form, MadeBy, Protocol, Shown},
};

use crate::{
    Answer, Call, Challenge, Code, Error, Oci, OciConfig, error::Result, route::TokenRequest, wire,
};

/// How long a token is good. Clients take less than a minute for a mistake; what a token's user may
/// do is looked up at each request, however long it is good.
const LIFETIME: Duration = Duration::from_secs(300);
/// What a scope calls the registry as a whole, and the list of its repositories.
const CATALOG: (&str, &str) = ("registry", "catalog");
/// What stands for all repositories, or all actions.
const ALL: &str = "*";

impl Call<'_> {
    /// A token for who shows credentials in the usual way, or for nobody.
    pub(crate) async fn token(&self, request: TokenRequest) -> Answer {
        let identity = match Credentials::from_headers(self.headers) {
            Ok(credentials) => self.recognise(&credentials).await,
            Err(error) => Err(error.into()),
        };
        let identity = identity.map_err(Error::by_password)?;
        self.give(&identity, &request).await
    }

    /// A token for who shows a password or a refresh token in a form.
    pub(crate) async fn token_form(&self, body: Body) -> Answer {
        let form = Form::read("", body).await?;
        let field = |name: &str| form.get(name).map(str::to_owned);
        let text = |name| form.get(name).unwrap_or_default();
        let identity = match text("grant_type") {
            "password" => {
                let credentials = Credentials::basic(text("username"), text("password"));
                self.recognise(&credentials).await
            }
            "refresh_token" => {
                let (token, ip) = (Secret::new(text("refresh_token")), self.context.actor.ip);
                let auth = self.granted.auth();
                let redeemed = auth.redeem(&token, &self.context.mount, ip).await;
                redeemed.map_err(Error::from)
            }
            _ => {
                let message = "grant_type is either password or refresh_token";
                return Err(Error::new(Code::Unsupported, message));
            }
        };
        let request = TokenRequest {
            scopes: field("scope").into_iter().collect(),
            service: field("service"),
            offline: text("access_type") == "offline",
        };
        let identity = identity.map_err(Error::by_password)?;
        self.give(&identity, &request).await
    }

    async fn recognise(&self, credentials: &Credentials) -> Result<Identity> {
        // Some clients show an empty name and password where they have none.
        if *credentials == Credentials::basic("", "") {
            return Ok(Identity::anonymous());
        }
        let (mount, ip) = (&self.context.mount, self.context.actor.ip);
        let auth = self.granted.auth();
        Ok(auth.authenticate(credentials, mount, ip).await?)
    }

    /// The answer with a token for `identity`, good for as much of what is asked as they may.
    async fn give(&self, identity: &Identity, request: &TokenRequest) -> Answer {
        let within = Place::of(self.config, &self.context.mount);
        let (mount, entries) = within.entries(&request.scopes);
        let asked = AccessRequest {
            mount,
            entries: &entries,
            lifetime: LIFETIME,
            refresh: request.offline.then_some(&*self.context.mount),
        };
        let auth = self.granted.auth();
        let made = auth.create_access_token(identity, asked).await?;
        let issued = jiff::Timestamp::try_from(made.issued).unwrap_or_default();
        let issued = format!("{issued:.0}");
        let scope: Vec<String> = made
            .granted
            .iter()
            .map(|entry| within.scope(mount, entry))
            .collect();
        let answer = wire::Token {
            token: made.token.reveal(),
            access_token: made.token.reveal(),
            expires_in: made.expires_in.as_secs(),
            issued_at: &issued,
            scope: &scope.join(" "),
            refresh_token: made.refresh.as_ref().map(Secret::reveal),
        };
        let mut response = protocol::json(StatusCode::OK, &answer)?;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(user) = &identity.user {
            response.extensions_mut().insert(MadeBy(user.clone()));
        }
        Ok(response)
    }
}

/// Where a mount lies, which decides how clients call its repositories: one at `/v2/mirror` has its
/// `a/b` called `mirror/a/b`, and shares the token endpoint that clients find at `/v2/`.
struct Place<'a> {
    config: &'a OciConfig,
    mount: &'a str,
}

impl<'a> Place<'a> {
    fn of(config: &'a OciConfig, mount: &'a str) -> Self {
        Self { config, mount }
    }

    /// What scopes ask for, and of which mount. What no mount can give is left out. A token is good for
    /// one mount, that of the first scope to change something, else that of the first; clients that
    /// mount a blob ask to read where it comes from too, and may sort what they ask.
    fn entries(&self, scopes: &[String]) -> (&'a str, Vec<AccessEntry>) {
        let all = scopes
            .iter()
            .flat_map(|scopes| scopes.split_ascii_whitespace());
        let all: Vec<_> = all.filter_map(|scope| self.entry(scope)).collect();
        let changes =
            |entry: &AccessEntry| entry.actions.iter().any(|action| *action != Action::Read);
        let first = all.iter().find(|(_, entry)| changes(entry)).or(all.first());
        let mount = first.map_or(self.mount, |(mount, _)| *mount);
        let its = all.into_iter().filter(|(of, _)| *of == mount);
        (mount, its.map(|(_, entry)| entry).collect())
    }

    /// What one scope asks for, and of which mount. A name may hold a colon, as that of a host with
    /// a port does.
    fn entry(&self, scope: &str) -> Option<(&'a str, AccessEntry)> {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // A kind may come with a class, as in `repository(plugin)`.
        let kind = kind.split('(').next().unwrap_or_default();
        if (kind, name) == CATALOG {
            return Some((self.mount, AccessEntry::listing(Oci::RESOURCE)));
        }
        if kind != Oci::RESOURCE {
            return None;
        }
        let (mount, name) = self.locate(name)?;
        let actions: BTreeSet<Action> = actions.split(',').flat_map(meaning).copied().collect();
        Some((mount, entry(name, actions)))
    }

    /// The mount that a repository is in by its name for clients, and its name there.
    fn locate<'n>(&self, name: &'n str) -> Option<(&'a str, &'n str)> {
        let name = name.strip_prefix(&*self.config.prefix)?;
        let inner = |(path, mount): (&String, &'a String)| {
            let rest = name.strip_prefix(&**path)?.strip_prefix('/')?;
            Some((path.len(), mount.as_str(), rest))
        };
        let beside = self.config.beside.iter().filter_map(inner);
        let longest = beside.max_by_key(|(length, ..)| *length);
        Some(longest.map_or((self.mount, name), |(_, mount, rest)| (mount, rest)))
    }

    /// An entry as a scope.
    fn scope(&self, mount: &str, entry: &AccessEntry) -> String {
        if entry.is_listing() {
            return format!("{}:{}:{ALL}", CATALOG.0, CATALOG.1);
        }
        let mut beside = self.config.beside.iter();
        let beside = beside.find(|(_, other)| mount != self.mount && *other == mount);
        let beside = beside
            .map(|(path, _)| format!("{path}/"))
            .unwrap_or_default();
        let actions: Vec<_> = entry.actions.iter().map(|action| word(*action)).collect();
        let (kind, prefix) = (Oci::RESOURCE, &self.config.prefix);
        format!(
            "{kind}:{prefix}{beside}{}:{}",
            entry.name,
            actions.join(",")
        )
    }
}

fn entry(name: &str, actions: BTreeSet<Action>) -> AccessEntry {
    AccessEntry {
        kind: Oci::RESOURCE.to_owned(),
        name: name.to_owned(),
        actions,
    }
}

/// What a scope's word for an action means.
fn meaning(word: &str) -> &'static [Action] {
    match word {
        "pull" => &[Action::Read],
        // Clients that ask to push alone look for what is there all the same.
        "push" => &[Action::Read, Action::Write],
        "delete" => &[Action::Delete],
        ALL => &[Action::Read, Action::Write, Action::Delete],
        _ => &[],
    }
}

/// The word for an action in a scope.
fn word(action: Action) -> &'static str {
    match action {
        Action::Read => "pull",
        Action::Write => "push",
        Action::Delete => "delete",
    }
}

/// The challenge that goes with a refusal.
pub(crate) fn challenge(config: &OciConfig, error: &Error, context: &Context) -> HeaderValue {
    let plain = HeaderValue::from_static("Basic realm=\"registry\"");
    if config.auth == Challenge::Basic || error.is_by_password() {
        return plain;
    }
    let base = context.base.as_str();
    let host = base.split_once("//").map_or(base, |(_, host)| host);
    let service = host.split('/').next().unwrap_or_default();
    let mut text = format!("Bearer realm=\"{base}/token\",service=\"{service}\"");
    if let Some(scope) = wanted(config, context) {
        text += &format!(",scope=\"{scope}\"");
    }
    // Clients throw away a token that is called bad, and ask for another.
    match context.shown {
        Shown::Token => text += ",error=\"invalid_token\"",
        Shown::AccessToken => text += ",error=\"insufficient_scope\"",
        Shown::Nothing | Shown::Password => {}
    }
    HeaderValue::try_from(text).unwrap_or(plain)
}

/// The scope that a token needs for what was asked.
fn wanted(config: &OciConfig, context: &Context) -> Option<String> {
    let (action, resource) = match context.access.as_ref()? {
        Access::Listing => return Some(format!("{}:{}:{ALL}", CATALOG.0, CATALOG.1)),
        Access::To(action, resource) => (action, resource),
        _ => return None,
    };
    let actions: BTreeSet<Action> = match action {
        Action::Write => [Action::Read, Action::Write].into(),
        action => [*action].into(),
    };
    let within = Place::of(config, &context.mount);
    Some(within.scope(within.mount, &entry(&resource.name, actions)))
}
