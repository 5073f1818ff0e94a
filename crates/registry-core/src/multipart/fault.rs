//! Why a body is no form.

use crate::error::{Error, ErrorKind};

/// Why a body is no form, or none that can be read in one way only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The request does not say that it is one, or not what delimits its parts.
    #[error("an upload is a form; send it as multipart/form-data")]
    NoForm,
    /// It ends before its last delimiter.
    #[error("the form ends before its last delimiter; send it again")]
    BrokenOff,
    /// A line begins as the delimiter does, and goes on.
    #[error("the form's delimiter goes on; choose another")]
    Delimiter,
    /// The headers of a part are longer than these many bytes.
    #[error("a part's headers may have {0} bytes at most")]
    LongHeaders(usize),
    /// There is more before the first part or after the last than may be.
    #[error("there is something around the form's parts")]
    Around,
    /// The headers of a part are not text.
    #[error("a part of the form has headers that are not UTF-8")]
    NotText,
    /// The headers of a part are not what they should be.
    #[error("a part of the form has headers that cannot be read")]
    Malformed,
    /// A part is encoded (RFC 7578 §4.7).
    #[error("a part of the form is encoded; send it as it is")]
    Encoded,
    /// The name of a field or file is encoded (RFC 7578 §4.2).
    #[error("the names of fields and files are ASCII; give the file another")]
    EncodedName,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::LongHeaders(_) => ErrorKind::TooLarge,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, fault.to_string())
    }
}
