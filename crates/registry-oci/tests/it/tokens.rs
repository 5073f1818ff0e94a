//! Access tokens, as clients get and use them.
