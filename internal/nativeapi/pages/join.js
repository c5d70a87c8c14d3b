// The token stands behind the #. It leaves the address bar at once, so that it
// stays in neither the history nor a picture of the screen.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const form = document.getElementById("join");
const said = document.getElementById("said");
const button = form.querySelector("button");

if (!token) {
  form.hidden = true;
  said.textContent = "This link is not whole. Open it as it stands in the invitation.";
} else {
  offerProviders();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    const answer = await fetch("/weir/v1/invites/accept", {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, name: form.elements.name.value, password: form.elements.password.value }),
    });
    const body = await answer.json();
    if (!answer.ok) {
      throw new Error(body.error.message);
    }
    form.hidden = true;
    document.getElementById("providers").hidden = true;
    said.textContent = `Welcome, ${body.name}. You sign in as ${body.email}.`;
  } catch (problem) {
    said.textContent = problem.message;
    button.disabled = false;
  }
});

// Whoever signs in through an identity provider that vouches for the address is
// joined by that, without a password.
async function offerProviders() {
  const answer = await fetch("/weir/v1/oidc", { credentials: "omit" });
  if (!answer.ok) {
    return;
  }
  for (const provider of (await answer.json()).data) {
    const link = document.createElement("a");
    link.href = provider.start_url;
    link.textContent = `Join by signing in through ${provider.name} instead`;
    const item = document.createElement("li");
    item.append(link);
    document.getElementById("providers").append(item);
  }
}
