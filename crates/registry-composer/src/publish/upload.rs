//! A zip is put, alone or in a form, and streamed.

use http::{StatusCode, header};
use registry_core::{
    Body, Error,
    multipart::{self, Event, Multipart, boundary},
    protocol,
    store::{Change, Document, Repo},
};

use super::{
    check::{self, Said},
    form::{Fields, PACKAGE},
    incoming::{Arrived, Zip},
};
use crate::{
    Answer, Call, PackageName,
    document::{
        Head,
        change::{self, Published},
    },
    layout::DOCUMENT,
    route::Upload,
    wire::Uploaded,
};

/// How refusals call a form.
fn malformed(fault: &multipart::Fault) -> Error {
    Error::invalid(format!("the form cannot be read: {fault}"))
}

/// Takes away the zips that branches moved on from before `since`. A hook may want to keep them, or the store
/// fail: that is not the upload's affair, and the next one tries again.
async fn forget(repo: &Repo, since: u64) {
    let forget = move |document: &mut Document<Head>| -> Result<_, Error> {
        let Document { head, entries, .. } = document;
        let (were_due, removed) = change::forget(head, entries, since)?;
        Ok(Change::when(were_due, ()).removing(removed))
    };
    if let Err(error) = repo.change(DOCUMENT, Vec::new(), forget).await {
        tracing::warn!(package = repo.name(), %error, "zips of branches that moved on were not removed");
    }
}

impl Call<'_> {
    /// Publishes a zip.
    pub(crate) async fn upload(&self, upload: Upload, body: Body) -> Answer {
        let Upload { name, version } = upload;
        let kind = self.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let is_form = kind.is_some_and(|kind| {
            let kind = kind.trim_start().to_ascii_lowercase();
            kind.starts_with("multipart/form-data")
        });
        let mut said = Said {
            versions: version.into_iter().collect(),
            source: None,
        };
        let arrived = if is_form {
            let boundary = boundary(kind).map_err(|fault| malformed(&fault))?;
            self.receive_form(name, &boundary, body, &mut said).await?
        } else {
            self.receive(name, body).await?
        };
        self.publish(arrived, said).await
    }

    /// A zip that is the body.
    async fn receive(&self, name: Option<PackageName>, mut body: Body) -> Result<Arrived, Error> {
        let mut zip = Zip::begin(self, name, body.length()).await?;
        while let Some(bytes) = body.next().await {
            zip.take(bytes?).await?;
        }
        zip.finish().await
    }

    /// A zip that is a field of a form.
    async fn receive_form(
        &self,
        name: Option<PackageName>,
        boundary: &str,
        mut body: Body,
        said: &mut Said,
    ) -> Result<Arrived, Error> {
        let mut parser = Multipart::new(boundary, multipart::Limits::default());
        let mut fields = Fields::default();
        let mut zip: Option<Zip<'_>> = None;
        let mut in_zip = false;
        while let Some(bytes) = body.next().await {
            parser.feed(bytes?);
            while let Some(event) = parser.next_event().map_err(|fault| malformed(&fault))? {
                match (event, &mut zip) {
                    (Event::Start(part), None) if part.name == PACKAGE => {
                        in_zip = true;
                        zip = Some(Zip::begin(self, name.clone(), None).await?);
                    }
                    (Event::Start(part), _) if part.name == PACKAGE || part.file.is_some() => {
                        let message = "the form has to hold one file, in the field \"package\"";
                        return Err(Error::invalid(message));
                    }
                    (Event::Start(part), _) => fields.start(part.name)?,
                    (Event::Data(data), Some(zip)) if in_zip => zip.take(data).await?,
                    (Event::Data(data), _) => fields.data(&data)?,
                    (Event::End, _) => {
                        fields.end()?;
                        in_zip = false;
                    }
                }
            }
        }
        parser.finish().map_err(|fault| malformed(&fault))?;
        said.versions.extend(fields.version().map(str::to_owned));
        said.source = fields.source()?;
        let missing = || Error::invalid("the form has no field \"package\" with the zip");
        zip.ok_or_else(missing)?.finish().await
    }

    /// Checks what came in, and commits it.
    async fn publish(&self, arrived: Arrived, said: Said) -> Answer {
        let Arrived {
            name,
            repo,
            staged,
            json,
        } = arrived;
        check::name(&name, &json)?;
        let version = check::version(&said.versions, &json)?;
        let release = check::release(version, &json, said.source, &staged, &self.time())?;
        let (now, new) = (self.seconds(), release.clone());
        let since = now.saturating_sub(self.config.keep_replaced.as_secs());
        let publish = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            let (published, double) = change::publish(head, entries, &new, now)?;
            let is_due = new.version.is_dev() && change::is_due(entries, since)?;
            let change = Change::when(published == Published::New, (published, is_due));
            Ok(change.dropping(double.into_iter().collect()))
        };
        let (published, is_due) = repo.change(DOCUMENT, vec![staged], publish).await?;
        if is_due {
            forget(&repo, since).await;
        }
        let status = match published {
            Published::New => StatusCode::CREATED,
            Published::Replay => StatusCode::OK,
        };
        let uploaded = Uploaded {
            status: "success",
            name: name.as_str(),
            version: release.version.pretty(),
            version_normalized: release.version.normalized(),
            reference: &release.reference,
        };
        protocol::json(status, &uploaded)
    }
}
