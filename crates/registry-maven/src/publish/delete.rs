//! `DELETE`.

use http::StatusCode;
use registry_core::{
    protocol,
    store::{Change, Document},
};

use crate::{
    Answer, Call, Error, VersionName,
    document::{Head, change},
    layout::VERSION,
    name::FilePath,
};

impl Call<'_> {
    /// Deletes a file, and with it its checksums.
    pub(crate) async fn delete_file(&self, path: FilePath) -> Answer {
        self.check_policy(&path.version)?;
        let (repo, now) = (self.granted.repo()?, self.now());
        self.deployments().settled(repo, path.file.as_str()).await?;
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            let name = path.file.as_str();
            let gone = change::delete(head, entries, &path.version, name, now)?;
            Ok(Change::write(()).removing(vec![gone]))
        };
        repo.change(VERSION, Vec::new(), change).await?;
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }

    /// Deletes all files of a version.
    pub(crate) async fn delete_version(&self, version: VersionName) -> Answer {
        self.check_policy(&version)?;
        let (repo, now) = (self.granted.repo()?, self.now());
        self.deployments().settled(repo, "").await?;
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            let gone = change::delete_all(head, entries, &version, now)?;
            Ok(Change::write(()).removing(gone))
        };
        repo.change(VERSION, Vec::new(), change).await?;
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }
}
