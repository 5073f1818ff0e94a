//! What is asked in a body: about advisories, and that it be noted what was installed.

use std::collections::BTreeMap;

use http::StatusCode;
use registry_core::{Body, Error, auth::Action, protocol};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Answer, Call, PackageName,
    document::{Head, render},
    layout::{self, DOCUMENT},
    route::{AdvisoryQuery, advisory_query},
    view::Packages,
    wire::{Advisories, Done, Downloads},
};

/// The most bytes of a body.
const MAX_BODY: usize = 1 << 20;

impl Call<'_> {
    /// The advisories about some packages.
    pub(crate) async fn advisories(&self, mut query: AdvisoryQuery, body: Body) -> Answer {
        let form = body.collect(MAX_BODY).await?;
        let asked = advisory_query(&form)?;
        query.packages.extend(asked.packages);
        query.updated_since = asked.updated_since.or(query.updated_since);
        if query.packages.is_empty() && query.updated_since.is_none() {
            let message = "say about which packages (packages[]=vendor/package) or since when \
                           (updatedSince=seconds)";
            return Err(Error::invalid(message));
        }
        let mut names = query.packages;
        names
            .iter_mut()
            .for_each(|name| name.make_ascii_lowercase());
        names.sort_unstable();
        names.dedup();
        let names = self.granted.view(|all: &Packages| match names.is_empty() {
            true => all.advised(),
            false => {
                names.retain(|name| all.is_advised(name));
                names
            }
        });
        let names = self.granted.readable(names.await?).await?;
        let mut advisories = BTreeMap::new();
        for name in names {
            let about = self.advisories_of(&name, query.updated_since).await?;
            advisories.insert(name, about);
        }
        let response = protocol::json(StatusCode::OK, &Advisories { advisories })?;
        Ok(protocol::revalidated(response))
    }

    async fn advisories_of(
        &self,
        name: &str,
        since: Option<i64>,
    ) -> Result<Vec<Box<RawValue>>, Error> {
        let name: PackageName = name.parse()?;
        let resource = layout::resource(&name)?;
        let repo = self.granted.authorize(&resource, Action::Read).await?;
        let Some(head) = repo.head::<Head>(DOCUMENT).await? else {
            return Ok(Vec::new());
        };
        let recent = |updated: u64| {
            since.is_none_or(|since| i64::try_from(updated).is_ok_and(|updated| updated >= since))
        };
        let all = head
            .advisories
            .values()
            .filter(|known| recent(known.updated));
        let all = all.map(|known| to_raw_value(&render::advisory(&name, known)));
        all.map(|of| of.map_err(Error::internal)).collect()
    }

    /// Takes note of what a client installed.
    pub(crate) async fn downloads(&self, body: Body) -> Answer {
        let Downloads { downloads } = protocol::read_json(body, MAX_BODY).await?;
        let count = downloads.len();
        let names = self.granted.view(|all: &Packages| {
            let names = downloads.into_iter().map(|of| of.name);
            names.filter(|name| all.has(name)).collect()
        });
        let known = self.granted.readable(names.await?).await?.len();
        let (status, said) = match count - known {
            0 => (StatusCode::CREATED, "success"),
            _ => (StatusCode::OK, "partial"),
        };
        let missing = (known < count).then(|| format!("{} are not here", count - known));
        let done = Done {
            status: said,
            message: missing,
        };
        protocol::json(status, &done)
    }
}
