//! What is pushed and deleted.

use registry_core::Body;

use crate::{Answer, Call, Reference, RepositoryName, Tag, error::unsupported};

impl Call<'_> {
    pub(crate) async fn put_manifest(
        &self,
        _name: &RepositoryName,
        _reference: Reference,
        _tags: Vec<Tag>,
        _body: Body,
    ) -> Answer {
        unsupported()
    }

    pub(crate) async fn delete_manifest(&self, _reference: &Reference) -> Answer {
        unsupported()
    }
}
