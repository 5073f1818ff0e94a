//! Owners: where a mount enforces them, only they, beside administrators, may change what they own.

use super::Granted;
use crate::digest::sha256;

/// Whoever changes a resource that may have owners.
#[derive(Clone, Debug)]
pub struct Writer {
    user: Option<String>,
    /// Whether they need not be an owner.
    unbound: bool,
}

impl Granted {
    /// Who asks, to be held against a resource's owners if those are `enforced`.
    pub fn writer(&self, enforced: bool) -> Writer {
        let identity = self.identity();
        Writer {
            user: identity.user.as_deref().map(str::to_owned),
            unbound: identity.admin || !enforced,
        }
    }
}

impl Writer {
    /// The user's name, unless nobody in particular writes.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether they may change what `owners` own. What nobody owns, everybody may.
    pub fn may_change<'a>(&self, owners: impl IntoIterator<Item = &'a str>) -> bool {
        let mut owners = owners.into_iter().peekable();
        self.unbound
            || owners.peek().is_none()
            || owners.any(|owner| Some(owner) == self.user.as_deref())
    }
}

/// A number for a user, who has none here, for clients that want one; the same each time.
pub fn user_number(name: &str) -> u32 {
    let hash = sha256(name.as_bytes());
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_change_what() {
        let ann = Some("ann".to_owned());
        for (user, unbound, owners, may) in [
            (&ann, false, &["ann", "bob"][..], true),
            (&ann, false, &["bob"], false),
            (&ann, false, &[], true),
            (&ann, true, &["bob"], true),
            (&None, false, &["bob"], false),
            (&None, false, &[], true),
        ] {
            let user = user.clone();
            let writer = Writer { user, unbound };
            let found = writer.may_change(owners.iter().copied());
            assert_eq!(found, may, "{writer:?} {owners:?}");
        }
    }
}
