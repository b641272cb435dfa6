//! A store that misbehaves: stands before a real one and answers as it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As the real one does.
    Well,
    /// With this status, whatever was asked.
    Status(u16),
    /// With a part of an answer; then it hangs up.
    Half,
    /// It takes the connection and hangs up.
    Gone,
}

/// A misbehaving store.
#[derive(Debug)]
pub struct Faulty {
    url: String,
    mood: watch::Sender<Mood>,
    /// How many connections were answered badly.
    faults: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Faulty {
    /// Stands before the store at `real` (`http://127.0.0.1:9000`).
    pub async fn before(real: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let real = real.trim_start_matches("http://").to_owned();
        let (mood, watching) = watch::channel(Mood::Well);
        let faults = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&faults);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, real.clone(), watching.clone(), Arc::clone(&counted)));
            }
        });
        Self { url, mood, faults, task }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on it answers so; connections that stand are closed.
    pub fn be(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// How many connections were answered badly so far.
    pub fn faults(&self) -> usize {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    real: String,
    mut mood: watch::Receiver<Mood>,
    faults: Arc<Mutex<usize>>,
) {
    let now = *mood.borrow_and_update();
    if now != Mood::Well {
        *faults.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }
    let answer = match now {
        Mood::Well => {
            let Ok(mut store) = TcpStream::connect(real).await else { return };
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut store) => {}
                _ = mood.changed() => {}
            }
            return;
        }
        Mood::Gone => return,
        Mood::Half => "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf".to_owned(),
        Mood::Status(status) => {
            format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
    };
    // What was asked is read as far as it comes, so that the answer is not lost behind a reset.
    let mut asked = vec![0; 256 * 1024];
    let _ = client.read(&mut asked).await;
    let _ = client.write_all(answer.as_bytes()).await;
    let _ = client.shutdown().await;
    while client.read(&mut asked).await.is_ok_and(|read| read > 0) {}
}
