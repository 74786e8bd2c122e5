"""Models of the real classes as they would be if their forward took no finished features."""

from typing import Any

from torch import Tensor


def without_features(model: Any) -> Any:
    """Return the model, its class replaced by one whose forward has no `mm_encoder_outputs`."""
    kind = type(model)

    class Sighted(kind):  # type: ignore[misc, valid-type]
        """The same model with an older signature."""

        def forward(
            self,
            input_ids: Tensor | None = None,
            attention_mask: Tensor | None = None,
            position_ids: Tensor | None = None,
            past_key_values: Any = None,
            pixel_values: Tensor | None = None,
            pixel_values_videos: Tensor | None = None,
            image_grid_thw: Tensor | None = None,
            video_grid_thw: Tensor | None = None,
            **others: Any,
        ) -> Any:
            """Pass everything on; refuse what this class would not know."""
            if "mm_encoder_outputs" in others:
                raise TypeError("forward() got an unexpected keyword argument 'mm_encoder_outputs'")
            return super().forward(
                input_ids=input_ids,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=past_key_values,
                pixel_values=pixel_values,
                pixel_values_videos=pixel_values_videos,
                image_grid_thw=image_grid_thw,
                video_grid_thw=video_grid_thw,
                **others,
            )

    Sighted.__name__ = f"Sighted{kind.__name__}"
    model.__class__ = Sighted
    return model
