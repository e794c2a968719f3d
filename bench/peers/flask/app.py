"""The exercise: register, log in, ask who one is. Kept as its implementations are, on a database file."""

import os
import uuid

import bcrypt
from flask import Flask, abort, jsonify, request
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String(250), nullable=False, unique=True)
    hashed_password = Column(String(250), nullable=False)
    session_id = Column(String(250), index=True)


engine = create_engine(f"sqlite:///{os.environ['DATA']}/exercise.db")
Base.metadata.create_all(engine)
Session = scoped_session(sessionmaker(bind=engine))
app = Flask(__name__)


@app.teardown_appcontext
def remove_session(_):
    Session.remove()


@app.get("/")
def welcome():
    return jsonify(message="Bienvenue")


@app.post("/users")
def register():
    email, password = request.form["email"], request.form["password"]
    if Session.query(User).filter_by(email=email).first():
        return jsonify(message="email already registered"), 400
    Session.add(User(email=email, hashed_password=bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()))
    Session.commit()
    return jsonify(email=email, message="user created")


@app.post("/sessions")
def log_in():
    email, password = request.form["email"], request.form["password"]
    user = Session.query(User).filter_by(email=email).first()
    if not user or not bcrypt.checkpw(password.encode(), user.hashed_password.encode()):
        abort(401)
    user.session_id = str(uuid.uuid4())
    response = jsonify(email=email, message="logged in")
    response.set_cookie("session_id", user.session_id)
    Session.commit()
    return response


@app.get("/profile")
def profile():
    session_id = request.cookies.get("session_id")
    user = Session.query(User).filter_by(session_id=session_id).first() if session_id else None
    if not user:
        abort(403)
    return jsonify(email=user.email)
