"""What is said of an endpoint in a recipe."""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Endpoint(BaseModel):
    """One model behind an OpenAI-compatible endpoint, and how it is called."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base_url: str = Field(min_length=1, description="where the API lies, up to /v1: http://localhost:8000/v1")
    model: str = Field(min_length=1, description="the model's name as the server knows it")
    api_key_env: str | None = Field(
        default=None,
        description="name of the environment variable that holds the key; null where none is needed",
    )
    temperature: NotNegative | None = Field(default=None, description="null leaves it to the server")
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        default=None, description="null leaves it to the server"
    )
    max_tokens: int = Field(default=4096, ge=1, description="most tokens of one response")
    structured: Literal["json_schema", "json_object", "none"] = Field(
        default="json_schema",
        description="how JSON is asked for: by its schema, as any object, or in words alone, as far as the server goes",
    )
    extra_body: dict[str, Any] = Field(
        default={}, description="more keys of a request, as the server wants them"
    )
    concurrency: int = Field(default=8, ge=1, le=1024, description="most calls at the same time")
    timeout_seconds: float = Field(
        default=600.0, gt=0.0, description="for the whole of a call, until it counts as failed"
    )
    retries: int = Field(
        default=6, ge=0, description="how often a call is repeated after a rate limit, a fault or a time-out"
    )
    backoff_seconds: float = Field(
        default=1.0, gt=0.0, description="wait before the first repetition; doubled every time"
    )
    max_wait_seconds: float = Field(
        default=120.0, gt=0.0, description="longest wait, whatever a server asks for"
    )
    give_up_after: int = Field(
        default=5, ge=1, description="calls in a row that fail for good before the run stops"
    )
    price_input: NotNegative = Field(default=0.0, description="price of a million tokens of prompt")
    price_output: NotNegative = Field(default=0.0, description="price of a million tokens of response")

    @model_validator(mode="after")
    def _is_an_address(self) -> Self:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"base_url is {self.base_url!r}; write it as http://HOST:PORT/v1 or https://HOST/v1"
            )
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "base_url holds a name, password or query; keys belong in the variable that api_key_env names"
            )
        return self

    def identity(self) -> dict[str, Any]:
        """Return what of an endpoint decides a response; where it stands and how often it is tried does not."""
        return self.model_dump(
            mode="json", include={"model", "temperature", "top_p", "max_tokens", "structured", "extra_body"}
        )

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the price of so many tokens, in the currency that the prices are in."""
        return (self.price_input * prompt_tokens + self.price_output * completion_tokens) / 1e6
