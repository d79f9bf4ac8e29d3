//! A small HTTP server on loopback whose answers a test chooses.
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a path answers.
#[derive(Clone)]
pub enum Answer {
    /// This status and body.
    Body(u16, Vec<u8>),
    /// The head of an answer and the first byte of the body, then nothing more.
    Stall,
    /// Nothing at all.
    Silence,
}

/// The server; it ends with the runtime that it was started on.
pub struct Server {
    address: SocketAddr,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    answers: HashMap<String, Answer>,
    asked: Vec<String>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Arc::new(Mutex::new(Pages::default()));
        let shared = pages.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { address, pages }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets what the path answers; every other path answers 404.
    pub fn set(&self, path: &str, answer: Answer) {
        self.pages
            .lock()
            .unwrap()
            .answers
            .insert(path.to_owned(), answer);
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.pages.lock().unwrap().asked.clone()
    }
}

async fn answer(mut stream: TcpStream, pages: Arc<Mutex<Pages>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = {
        let mut pages = pages.lock().unwrap();
        pages.asked.push(path.clone());
        pages
            .answers
            .get(&path)
            .cloned()
            .unwrap_or(Answer::Body(404, Vec::new()))
    };
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    match answer {
        Answer::Body(status, body) => {
            stream
                .write_all(head(status, body.len()).as_bytes())
                .await?;
            stream.write_all(&body).await
        }
        Answer::Stall => {
            stream.write_all(head(200, 1000).as_bytes()).await?;
            stream.write_all(b"x").await?;
            std::future::pending().await
        }
        Answer::Silence => std::future::pending().await,
    }
}
