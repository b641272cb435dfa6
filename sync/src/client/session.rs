//! Who holds the phone: sign-in, refresh, the delivery key, and the hand-over to somebody else.
//!
//! Every question whose answer may be lost has an identifier that is saved before it is asked: asked again, it has the
//! same answer.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Client,
    error::{Error, Result},
    store::{
        entities, meta,
        queue::{self, NewStream, Went},
        set_meta,
        streams::{self, Standing, Stream},
    },
    wire::{Door, post, read},
};

/// How often in a row a stream is replaced before that is taken for a fault.
const REPLACED: usize = 3;

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    id: Uuid,
}

#[derive(Deserialize)]
struct Registered {
    delivery: Delivery,
}

#[derive(Deserialize)]
struct Delivery {
    key: String,
    acked_seq: i64,
}

impl Client {
    /// Signs in by login and password. The phone is his then: another's queue goes on being delivered under that
    /// other's name, and what the other could see is gone.
    ///
    /// # Errors
    /// `bad_credentials`; the server is not reached.
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<()> {
        let _alone = self.0.talking.lock().await;
        let asked = post("/v1/auth/login", &json!({ "login": login, "password": password }));
        let tokens = read(&self.send(asked).await?)?;
        self.adopt(tokens).await
    }

    /// Signs in by the code that the desk shows. When the answer is lost, the same code is tried again.
    ///
    /// # Errors
    /// `bad_credentials`: the code is wrong, over, or used by another phone; the server is not reached.
    pub async fn pair(&self, code: &str) -> Result<()> {
        let _alone = self.0.talking.lock().await;
        let mut tx = self.store().begin().await?;
        let saved = meta(&mut tx, "pairing").await?;
        let saved =
            saved.and_then(|text| text.split_once(' ').map(|(id, code)| (id.to_owned(), code.to_owned())));
        let rotation = match saved {
            Some((rotation, of)) if of == code => rotation,
            _ => self.fresh_id().to_string(),
        };
        set_meta(&mut tx, "pairing", Some(&format!("{rotation} {code}"))).await?;
        tx.commit().await?;
        let asked = post("/v1/auth/pair", &json!({ "code": code, "rotation_id": rotation }));
        let tokens = read(&self.send(asked).await?)?;
        self.adopt(tokens).await
    }

    /// The phone is nobody's. What its owner has done is still delivered, by his delivery key; what he could see is gone.
    /// Works without a network.
    ///
    /// # Errors
    /// The store fails.
    pub async fn sign_out(&self) -> Result<()> {
        let _alone = self.0.talking.lock().await;
        let Some(current) = streams::current(&mut *self.store().begin().await?).await? else { return Ok(()) };
        if current.key.is_none() {
            // The last good moment for a key; without one the tokens stay until there is.
            tolerate(self.register(current.id).await)?;
        }
        let mut tx = self.store().begin().await?;
        let Some(current) = streams::current(&mut tx).await? else { return Ok(()) };
        streams::save(&mut tx, &Stream { standing: Standing::Left, ..current.clone() }).await?;
        entities::wipe(&mut tx).await?;
        tx.commit().await?;
        self.let_go(current.id).await
    }

    /// Ends the sign-in of a stream that was left, once its queue can be delivered without, or is empty.
    pub(super) async fn let_go(&self, id: Uuid) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let stream = streams::find(&mut tx, id).await?;
        let waits = queue::count(&mut tx, Some(stream.user)).await?;
        if stream.standing != Standing::Left || (stream.key.is_none() && !waits.is_nothing()) {
            return Ok(());
        }
        let Some(refresh_token) = stream.refresh.clone() else { return Ok(()) };
        streams::save(&mut tx, &without_tokens(stream)).await?;
        tx.commit().await?;
        let asked = post("/v1/auth/logout", &json!({ "refresh_token": refresh_token }));
        // Not heard: the sign-in ends by itself when its time is over.
        tolerate(self.send(asked).await.map(drop))
    }

    /// The one who signed in has the phone: his stream goes on, or begins.
    async fn adopt(&self, tokens: Tokens) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let former = streams::current(&mut tx).await?;
        let mut stream = match former {
            Some(stream) if stream.user == tokens.id => stream,
            former => {
                if let Some(former) = former {
                    // Without a key his tokens stay, for nothing but to get one.
                    let left = Stream { standing: Standing::Left, ..former };
                    streams::save(&mut tx, &left).await?;
                }
                entities::wipe(&mut tx).await?;
                match streams::left_by(&mut tx, tokens.id).await? {
                    Some(own) => own,
                    None => Stream {
                        id: self.fresh_id(),
                        device: self.fresh_id(),
                        user: tokens.id,
                        standing: Standing::Current,
                        rotation: self.fresh_id(),
                        key: None,
                        broken: false,
                        access: None,
                        refresh: None,
                        refresh_rotation: None,
                        acked: 0,
                        incarnation: None,
                    },
                }
            }
        };
        stream.standing = Standing::Current;
        stream.access = Some(tokens.access_token);
        stream.refresh = Some(tokens.refresh_token);
        stream.refresh_rotation = None;
        streams::save(&mut tx, &stream).await?;
        for broken in streams::broken_of(&mut tx, stream.user).await? {
            queue::take_over(&mut tx, &broken, broken.acked + 1, self.new_stream()).await?;
        }
        set_meta(&mut tx, "pairing", None).await?;
        let current = streams::current(&mut tx).await?;
        tx.commit().await?;
        // The key is asked for at once: it outlives the sign-in. Unheard, the next sync asks again.
        match current {
            Some(current) => tolerate(self.register(current.id).await.map(drop)),
            None => Ok(()),
        }
    }

    pub(super) fn new_stream(&self) -> NewStream {
        NewStream { id: self.fresh_id(), device: self.fresh_id(), rotation: self.fresh_id() }
    }

    /// Makes a stream known to the server and gets its delivery key; a stream that is another's is replaced. Returns the
    /// stream that stands now.
    pub(super) async fn register(&self, id: Uuid) -> Result<Uuid> {
        let mut id = id;
        for _ in 0..REPLACED {
            let stream = self.stream(id).await?;
            let options = &self.0.options;
            let mut body = json!({
                "id": stream.device, "platform": options.platform, "app_version": options.app_version,
                "delivery": { "stream_id": stream.id, "rotation_id": stream.rotation },
            });
            if let Some(token) = &options.push_token {
                body["push_token"] = json!(token);
            }
            let answered = self.send_as(id, Door::Token, &post("/v1/devices", &body)).await;
            let taken = answered.as_ref().err().and_then(Error::problem).is_some_and(|problem| {
                matches!(problem.code.as_str(), "stream_of_another" | "already_exists")
            });
            let mut tx = self.store().begin().await?;
            let stream = streams::find(&mut tx, id).await?;
            if taken {
                match queue::take_over(&mut tx, &stream, stream.acked + 1, self.new_stream()).await? {
                    Went::Over(new) => id = new,
                    Went::Back | Went::Broken => {}
                }
                tx.commit().await?;
                continue;
            }
            let registered: Registered = read(&answered?)?;
            let stream = Stream { key: Some(registered.delivery.key), broken: false, ..stream };
            streams::save(&mut tx, &stream).await?;
            let mut stands = id;
            if registered.delivery.acked_seq < stream.acked {
                let from = registered.delivery.acked_seq + 1;
                if let Went::Over(new) = queue::go_back(&mut tx, &stream, from, self.new_stream()).await? {
                    stands = new;
                }
            }
            tx.commit().await?;
            if stands == id {
                return Ok(id);
            }
            id = stands;
        }
        Err(Error::Unreachable("every stream is somebody else's".to_owned()))
    }

    /// Changes the refresh token for its successor. Ended by the server, the stream has no tokens any more; its delivery
    /// key stays.
    pub(super) async fn refresh(&self, stream: &Stream) -> Result<()> {
        let Some(refresh_token) = &stream.refresh else {
            return self.change_stream(stream.id, |stream| *stream = without_tokens(stream.clone())).await;
        };
        let rotation = stream.refresh_rotation.unwrap_or_else(|| self.fresh_id());
        self.change_stream(stream.id, |stream| stream.refresh_rotation = Some(rotation)).await?;
        let asked =
            post("/v1/auth/refresh", &json!({ "refresh_token": refresh_token, "rotation_id": rotation }));
        match self.send(asked).await {
            Ok(response) => {
                let tokens: Tokens = read(&response)?;
                self.change_stream(stream.id, |stream| {
                    stream.access = Some(tokens.access_token);
                    stream.refresh = Some(tokens.refresh_token);
                    stream.refresh_rotation = None;
                })
                .await
            }
            Err(Error::Problem(problem)) if problem.status == 401 => {
                self.change_stream(stream.id, |stream| *stream = without_tokens(stream.clone())).await
            }
            Err(error) => Err(error),
        }
    }
}

fn without_tokens(stream: Stream) -> Stream {
    Stream { access: None, refresh: None, refresh_rotation: None, ..stream }
}

/// What the network or the server did not give now is asked for later.
fn tolerate<T>(done: Result<T>) -> Result<()> {
    match done {
        Err(error) if error.is_local() => Err(error),
        _ => Ok(()),
    }
}
