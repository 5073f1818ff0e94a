//! How many uploads are looked into at once, and how many of them may be one user's.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{documents::lock, hooks::Actor};
use crate::{
    auth::network,
    error::{Error, ErrorKind, Result},
};

/// How long a place is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// After how many seconds whoever had as many places as one may have is told to try again.
const RETRY: u32 = 30;

/// Places of which one user has a quarter at most.
pub(super) struct Places {
    all: Arc<Semaphore>,
    share: usize,
    shares: Mutex<HashMap<Who, Weak<Semaphore>>>,
}

/// Who has a share: a user, or those who came from a network without being one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(Arc<str>),
    Network(Option<IpAddr>),
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_share: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            share: (count / 4).max(1),
            shares: Mutex::default(),
        }
    }

    /// A place for what `actor` sends, once there is one.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] when the actor's share stays taken, and [`ErrorKind::Unavailable`] when
    /// all places do.
    pub(super) async fn take(&self, actor: &Actor) -> Result<Place> {
        let of_share = timeout(PATIENCE, self.share_of(actor).acquire_owned()).await;
        let of_share = of_share.map_err(|_| {
            let most = self.share;
            Error::rate_limited(
                RETRY,
                format!("{most} of your uploads are under way; wait until some of them have ended"),
            )
        })?;
        let of_all = timeout(PATIENCE, self.all.clone().acquire_owned()).await;
        let of_all = of_all.map_err(|_| {
            let message = "too many uploads are under way; try again later";
            Error::new(ErrorKind::Unavailable, message)
        })?;
        Ok(Place {
            _of_share: of_share.map_err(Error::internal)?,
            _of_all: of_all.map_err(Error::internal)?,
        })
    }

    fn share_of(&self, actor: &Actor) -> Arc<Semaphore> {
        let who = match &actor.user {
            Some(user) => Who::User(user.clone()),
            None => Who::Network(actor.ip.map(network)),
        };
        let mut shares = lock(&self.shares);
        if let Some(share) = shares.get(&who).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(who, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Actor {
        Actor {
            user: Some(name.into()),
            ..Actor::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_leaves_room_for_others() {
        let places = Places::new(8);
        let (ann, bob) = (user("ann"), user("bob"));
        let one = places.take(&ann).await.unwrap();
        let _two = places.take(&ann).await.unwrap();
        let error = places.take(&ann).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.message().starts_with("2 of your uploads"), "{error}");
        let _other = places.take(&bob).await.unwrap();
        drop(one);
        places.take(&ann).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_nobody_shares_with_those_of_the_same_address() {
        let places = Places::new(4);
        let from = |ip: &str| Actor {
            ip: Some(ip.parse().unwrap()),
            ..Actor::default()
        };
        let _one = places.take(&from("192.0.2.1")).await.unwrap();
        assert!(places.take(&from("192.0.2.1")).await.is_err());
        places.take(&from("192.0.2.2")).await.unwrap();
        let _two = places.take(&from("2001:db8::1")).await.unwrap();
        assert!(places.take(&from("2001:db8::2")).await.is_err());
        places.take(&Actor::default()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_it_is_said_so() {
        let places = Places::new(4);
        let mut taken = Vec::new();
        for name in ["a", "b", "c", "d"] {
            taken.push(places.take(&user(name)).await.unwrap());
        }
        let error = places.take(&user("e")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("too many uploads"), "{error}");
        // Those who have gone are not remembered.
        taken.clear();
        places.take(&user("f")).await.unwrap();
        assert_eq!(lock(&places.shares).len(), 1);
    }
}
