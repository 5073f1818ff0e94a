//! The fields of an upload.

use std::collections::BTreeMap;

use registry_core::{
    Error as CoreError, ErrorKind, Result,
    digest::{Algorithm, Digests},
};

use crate::{
    Error, ProjectName, Version,
    file_name::Kind,
    metadata::{check_metadata_version, check_summary},
    version::is_range,
};

/// The most fields of a form.
const MAX_FIELDS: usize = 10_000;

/// The most bytes of the fields that are kept.
const MAX_KEPT: usize = 512 << 10;

/// The digests that a form can name, with the functions that make them.
pub const DIGESTS: [(&str, Algorithm); 3] = [
    ("md5_digest", Algorithm::Md5),
    ("sha256_digest", Algorithm::Sha256),
    ("blake2_256_digest", Algorithm::Blake2b256),
];

/// The fields that are looked into. None can be given twice, since then it would not be clear what was
/// meant.
const KNOWN: &[&str] = &[
    ":action",
    "protocol_version",
    "metadata_version",
    "name",
    "version",
    "filetype",
    "pyversion",
    "md5_digest",
    "sha256_digest",
    "blake2_256_digest",
    "summary",
    "requires_python",
    "attestations",
];

/// The fields of a form as they come in, but for its file. Those that are not looked into, such as the
/// description, are counted and not kept.
#[derive(Debug)]
pub struct Fields {
    all: BTreeMap<String, Vec<u8>>,
    current: Option<(String, Vec<u8>)>,
    count: usize,
    size: usize,
    kept: usize,
    limit: usize,
}

impl Fields {
    /// No fields yet; together they may have `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            all: BTreeMap::new(),
            current: None,
            count: 0,
            size: 0,
            kept: 0,
            limit,
        }
    }

    /// A field begins.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it was there before and may not be twice,
    /// [`ErrorKind::TooLarge`] when it is one too many.
    pub fn start(&mut self, name: String) -> Result<()> {
        let known = KNOWN.contains(&name.as_str());
        if self.all.contains_key(&name) {
            return Err(CoreError::invalid(format!(
                "the field {name} is there more than once; send it once"
            )));
        }
        self.count += 1;
        if self.count > MAX_FIELDS {
            let message = format!("a form has {MAX_FIELDS} fields at most");
            return Err(CoreError::new(ErrorKind::TooLarge, message));
        }
        self.grow(name.len())?;
        self.current = known.then(|| (name, Vec::new()));
        Ok(())
    }

    /// More of the field.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the fields outgrow their limit.
    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.grow(bytes.len())?;
        if let Some((name, value)) = &mut self.current {
            self.kept += bytes.len();
            if self.kept > MAX_KEPT {
                let message =
                    format!("the field {name} is too long; {MAX_KEPT} bytes are taken with others");
                return Err(CoreError::new(ErrorKind::TooLarge, message));
            }
            value.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The field is whole.
    pub fn end(&mut self) {
        self.all.extend(self.current.take());
    }

    fn grow(&mut self, by: usize) -> Result<()> {
        self.size += by;
        if self.size > self.limit {
            let limit = self.limit;
            let message = format!(
                "the form's fields may have {limit} bytes at most; shorten the description"
            );
            return Err(CoreError::new(ErrorKind::TooLarge, message));
        }
        Ok(())
    }

    /// A field's value; an empty one, and what setuptools writes for none, is none.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.all.get(name) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value)
            .map_err(|_| CoreError::invalid(format!("the field {name} is not UTF-8")))?;
        Ok(Some(text.trim()).filter(|text| !text.is_empty() && *text != "UNKNOWN"))
    }

    /// The project, if the form has named it already.
    ///
    /// # Errors
    /// When no project may have that name.
    pub fn project(&self) -> Result<Option<ProjectName>> {
        self.get("name")?.map(str::parse).transpose()
    }
}

/// A form that was read to its end, and checked.
#[derive(Clone, Debug)]
pub struct Form {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// What the file is.
    pub kind: Kind,
    /// The Python that it is for.
    pub python: String,
    /// The digests of the file, in lower case.
    digests: Vec<(Algorithm, String)>,
    /// What was attested of it.
    pub attestations: Option<String>,
}

impl Form {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Gone`] for what old clients ask for, else the first fault.
    pub fn check(fields: &Fields) -> std::result::Result<Self, Error> {
        action(fields.get(":action")?)?;
        if !matches!(fields.get("protocol_version")?, None | Some("1")) {
            return Err(invalid("Unknown protocol version."));
        }
        let required = |name: &str, called: &str| {
            let value = fields.get(name)?;
            value.ok_or_else(|| {
                CoreError::invalid(format!(
                    "'' is an invalid value for {called}. Error: This field is required."
                ))
            })
        };
        check_metadata_version(required("metadata_version", "Metadata-Version")?)?;
        let project = required("name", "Name")?.parse()?;
        let version = required("version", "Version")?.parse()?;
        if let Some(summary) = fields.get("summary")? {
            check_summary(summary)?;
        }
        if let Some(range) = fields.get("requires_python")?
            && !is_range(range)
        {
            return Err(invalid(format!(
                "'{range}' is an invalid value for Requires-Python."
            )));
        }
        let kind = kind(required("filetype", "filetype")?)?;
        Ok(Self {
            project,
            version,
            kind,
            python: python(kind, fields.get("pyversion")?)?,
            digests: digests(fields)?,
            attestations: fields.get("attestations")?.map(str::to_owned),
        })
    }

    /// Compares the digests with those of the file.
    ///
    /// # Errors
    /// [`ErrorKind::DigestMismatch`] when one of them differs.
    pub fn check_digests(&self, digests: &Digests) -> Result<()> {
        let same = |(algorithm, digest): &(Algorithm, String)| digests.hex(*algorithm) == *digest;
        if self.digests.iter().all(same) {
            return Ok(());
        }
        Err(CoreError::new(
            ErrorKind::DigestMismatch,
            "The digest supplied does not match a digest calculated from the uploaded file.",
        ))
    }
}

fn action(action: Option<&str>) -> std::result::Result<(), Error> {
    match action {
        Some("file_upload") => Ok(()),
        Some("submit" | "submit_pkg_info") => Err(Error::gone(
            "Project pre-registration is no longer required or supported, upload your files \
             instead.",
        )),
        Some("doc_upload") => Err(Error::gone(
            "Uploading documentation is no longer supported.",
        )),
        _ => Err(invalid("the field :action has to be file_upload")),
    }
}

fn kind(filetype: &str) -> Result<Kind> {
    match filetype {
        "bdist_wheel" => Ok(Kind::Wheel),
        "sdist" => Ok(Kind::Sdist),
        _ => Err(CoreError::invalid(
            "Invalid value for filetype. Error: Use a known file type: sdist or bdist_wheel.",
        )),
    }
}

fn python(kind: Kind, pyversion: Option<&str>) -> Result<String> {
    match (kind, pyversion) {
        (Kind::Sdist, None | Some("source")) => Ok("source".to_owned()),
        (Kind::Sdist, Some(_)) => Err(CoreError::invalid(
            "Invalid value for pyversion. Error: Use 'source' as Python version for an sdist.",
        )),
        (Kind::Wheel, Some(python)) if python.len() <= 100 => Ok(python.to_owned()),
        (Kind::Wheel, _) => Err(CoreError::invalid(
            "Invalid value for pyversion. Error: Python version is required for binary distribution \
             uploads.",
        )),
    }
}

fn digests(fields: &Fields) -> Result<Vec<(Algorithm, String)>> {
    let mut all = Vec::new();
    for (name, algorithm) in DIGESTS {
        let Some(digest) = fields.get(name)? else {
            continue;
        };
        let digits = match algorithm {
            Algorithm::Md5 => 32,
            _ => 64,
        };
        let proper = digest.len() == digits && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !proper {
            return Err(CoreError::invalid(format!(
                "Invalid value for {name}. Error: Use a valid, hex-encoded message digest."
            )));
        }
        all.push((algorithm, digest.to_ascii_lowercase()));
    }
    if all.is_empty() {
        return Err(CoreError::invalid(
            "Error: Include at least one message digest.",
        ));
    }
    Ok(all)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    CoreError::invalid(message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_form_is_what_is_looked_into() {
        let mut fields = Fields::new(4 << 20);
        let piece = [b'x'; 1 << 10];
        for name in ["description", "name", "classifiers", "classifiers"] {
            fields.start(name.to_owned()).unwrap();
            fields.data(&piece).unwrap();
            fields.end();
        }
        assert_eq!(fields.all.keys().collect::<Vec<_>>(), ["name"]);
        fields.start("attestations".to_owned()).unwrap();
        let long = (0..MAX_KEPT / piece.len()).try_for_each(|_| fields.data(&piece));
        let error = long.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert!(error.message().contains("attestations"), "{error}");
    }
}
