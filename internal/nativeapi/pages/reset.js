// The token stands behind the #. It leaves the address bar at once, so that it
// stays in neither the history nor a picture of the screen.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const form = document.getElementById("reset");
const said = document.getElementById("said");
const button = form.querySelector("button");

if (!token) {
  form.hidden = true;
  said.textContent = "This link is not whole. Open it as it was given to you.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    const answer = await fetch("/weir/v1/password_reset/accept", {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, new_password: form.elements.password.value }),
    });
    const body = await answer.json();
    if (!answer.ok) {
      throw new Error(body.error.message);
    }
    form.hidden = true;
    said.textContent = `Done. You sign in as ${body.email}.`;
  } catch (problem) {
    said.textContent = problem.message;
    button.disabled = false;
  }
});
