//! `PUT` of a checksum.

use http::StatusCode;
use registry_core::{
    Body,
    digest::Algorithm,
    protocol,
    store::{Change, Document},
};

use crate::{
    Answer, Call, Error,
    checksum::{MAX_CHECKSUM, parse},
    document::{Head, change},
    layout::VERSION,
    name::FilePath,
};

impl Call<'_> {
    /// Takes a checksum: compares it with its file, or holds it until that comes.
    pub(crate) async fn put_checksum(
        &self,
        path: &FilePath,
        algorithm: Algorithm,
        body: Body,
    ) -> Answer {
        self.check_policy(&path.version)?;
        let text = body.collect(MAX_CHECKSUM as usize).await?;
        let digest = parse(&text, algorithm)?;
        let repo = self.granted.repo()?;
        let name = path.file.as_str().to_owned();
        if self.deployments().settled(repo, &name).await?.1.is_some() {
            return self.compare(path, algorithm, digest.hex()).await;
        }
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            let changed = change::checksum(head, entries, &name, (algorithm, digest.hex()))?;
            Ok(Change::when(changed, StatusCode::CREATED))
        };
        let status = repo.change(VERSION, Vec::new(), change).await?;
        Ok(protocol::empty(status))
    }

    /// Compares a checksum with its file, for which nothing is written.
    async fn compare(&self, path: &FilePath, algorithm: Algorithm, hex: &str) -> Answer {
        let document = self.granted.repo()?.document::<Head>(VERSION).await?;
        let mut document = document.ok_or_else(|| crate::document::no_file(path.file.as_str()))?;
        let Document { head, entries, .. } = &mut document;
        let name = path.file.as_str();
        if let Err(error) = change::checksum(head, entries, name, (algorithm, hex)) {
            // The client passes over this, with a warning that few see.
            tracing::warn!(path = path.path(), %error, "a checksum that does not fit was put");
            return Err(error);
        }
        Ok(protocol::empty(StatusCode::OK))
    }
}
