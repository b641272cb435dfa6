//! The HTTP server: put together in one way for `main` and for tests, started, stopped without tearing anything.

use std::{net::SocketAddr, net::TcpListener, time::Duration};

use actix_web::{
    App as ActixApp, Error as ActixError, HttpRequest, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, from_fn},
    web,
};
use naryad_domain::{Code, Error, Result};
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use crate::{
    docs, limit, openapi,
    problem::{Answer, Problem},
    request::{self, RequestSpan},
    routes::{self, Routes},
    state::App,
    upload,
};

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// How long a request that runs when the shutdown begins may take to end.
const GRACE: Duration = Duration::from_secs(30);

/// Every route with everything around it.
pub fn service(
    app: App,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = ActixError,
        InitError = (),
    >,
> {
    ActixApp::new()
        .app_data(web::Data::new(app))
        .into_utoipa_app()
        .configure(|config: &mut ServiceConfig<'_>| routes::all(&mut Routes::new(config)))
        .into_app()
        .configure(docs::pages)
        .default_service(web::to(elsewhere))
        // The last is the outermost.
        .wrap(from_fn(limit::auth))
        .wrap(from_fn(request::around))
        .wrap(from_fn(upload::speak))
        .wrap(TracingLogger::<RequestSpan>::new())
        .wrap(Compress::default())
}

/// What no route takes: another method's address, or nobody's.
async fn elsewhere(request: HttpRequest) -> Answer<HttpResponse> {
    match openapi::methods_of(request.path()) {
        Some(methods) => Err(Problem(
            Error::new(Code::MethodNotAllowed, Code::MethodNotAllowed.title())
                .with("allow", methods.join(", ")),
        )),
        None => Err(Problem(Error::not_found("address"))),
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Listening {
    /// Where, with the port that was taken.
    pub address: SocketAddr,
    handle: ServerHandle,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Starts to listen, on the caller's runtime.
///
/// # Errors
/// The address cannot be taken.
pub fn listen(app: &App) -> Result<Listening> {
    let taken = |cause| Error::internal(format!("cannot listen on {}: {cause}", app.config.listen));
    let listener = TcpListener::bind(app.config.listen).map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let shared = app.clone();
    let server = HttpServer::new(move || service(shared.clone()))
        .disable_signals()
        // Longer than the clients and proxies in front of it keep an idle connection: whoever closes first decides, and a
        // request must not meet a connection that is just being closed.
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(GRACE.as_secs())
        .listen(listener)
        .map_err(taken)?
        .run();
    let handle = server.handle();
    Ok(Listening { address, handle, task: tokio::spawn(server) })
}

impl Listening {
    /// Takes no new connection and lets streams end and running requests finish. The threads of the server stay: what
    /// was started on them and has lost its client still runs.
    pub async fn drain(&self, app: &App) {
        self.handle.pause().await;
        app.stop.cancel();
        app.requests.close();
        if tokio::time::timeout(GRACE, app.requests.wait()).await.is_err() {
            tracing::warn!("some requests did not end in {GRACE:?}; they are cut off");
        }
    }

    /// Ends the connections and the threads of the server. The database should be closed by now.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "the server did not stop cleanly");
        }
    }

    /// Waits until the server has ended by itself, which it does only when it failed.
    pub async fn ended(&mut self) {
        if let Ok(Err(error)) = (&mut self.task).await {
            tracing::error!(%error, "the server failed");
        }
    }
}

#[cfg(test)]
mod tests;
