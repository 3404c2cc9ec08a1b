"""Hosted TeXML documents: drafts, immutable versions, and a log of fetches."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import portal.models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0005_account_sid"),
        ("voice", "0015_sealed_parameters"),
    ]

    operations = [
        migrations.CreateModel(
            name="TexmlDocument",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                (
                    "token",
                    models.CharField(default=portal.models.webhook_token, editable=False, max_length=64, unique=True),
                ),
                ("draft", models.TextField(blank=True, default="<Response>\n</Response>\n", max_length=65536)),
                (
                    "variables",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Names and defaults, as {"greeting": "Hello"}. The query of the address may name another value.',
                    ),
                ),
                (
                    "apology",
                    models.CharField(
                        default="We are sorry, this call cannot be handled at the moment. Please try again later.",
                        help_text="Is spoken when the document cannot be filled, and as the fallback.",
                        max_length=1000,
                    ),
                ),
                (
                    "signature",
                    models.CharField(
                        choices=[
                            ("auto", "required of POSTs after the first verified one"),
                            ("required", "always required"),
                            ("optional", "checked where there is one"),
                        ],
                        default="auto",
                        help_text="Whether a fetch must be signed by Telnyx.",
                        max_length=10,
                    ),
                ),
                (
                    "verified_at",
                    models.DateTimeField(
                        editable=False, help_text="When the first signed fetch was verified.", null=True
                    ),
                ),
                (
                    "published",
                    models.PositiveIntegerField(
                        editable=False, help_text="The number of the version served.", null=True
                    ),
                ),
                (
                    "unlogged",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="Fetches that could not be logged."
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.telnyxaccount"
                    ),
                ),
            ],
            options={
                "verbose_name": "TeXML document",
                "ordering": ["name"],
                "permissions": [("publish_texmldocument", "Can publish TeXML documents and roll them back")],
            },
        ),
        migrations.CreateModel(
            name="TexmlFetch",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField(null=True)),
                ("at", models.DateTimeField()),
                ("call_control_id", models.CharField(blank=True, max_length=512)),
                (
                    "event_id",
                    models.UUIDField(help_text="Our id of the event that the same request was stored as.", null=True),
                ),
                (
                    "proof",
                    models.CharField(
                        choices=[
                            ("verified", "signed by Telnyx"),
                            ("unsigned", "not signed"),
                            ("get", "by GET: its parameters cannot be verified"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("served", "Served"),
                            ("apology", "the apology: it could not be filled"),
                            ("fallback", "the fallback document"),
                        ],
                        max_length=10,
                    ),
                ),
                ("problem", models.CharField(blank=True, max_length=200)),
                ("parameters", models.JSONField(default=dict)),
                ("body", models.TextField()),
                ("milliseconds", models.FloatField()),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="fetches", to="voice.texmldocument"
                    ),
                ),
            ],
            options={
                "verbose_name": "TeXML fetch",
                "verbose_name_plural": "TeXML fetches",
                "ordering": ["-at", "-id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="TexmlVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("source", models.TextField()),
                ("variables", models.JSONField(blank=True, default=dict)),
                ("apology", models.CharField(max_length=1000)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("author", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "findings",
                    models.JSONField(blank=True, default=list, help_text="What the linter said when it was published."),
                ),
                ("digest", models.CharField(max_length=64)),
                (
                    "copy_of",
                    models.PositiveIntegerField(
                        blank=True, help_text="The version that a roll-back brought back.", null=True
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="voice.texmldocument"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "default_permissions": (),
            },
        ),
        migrations.AddConstraint(
            model_name="texmldocument",
            constraint=models.UniqueConstraint(
                fields=("account", "name"),
                name="one_document_of_a_name",
                violation_error_message="This account has another document of this name.",
            ),
        ),
        migrations.AddIndex(
            model_name="texmlfetch",
            index=models.Index(fields=["document", "-at"], name="fetch_by_document"),
        ),
        migrations.AddIndex(
            model_name="texmlfetch",
            index=models.Index(
                condition=models.Q(("call_control_id", ""), _negated=True),
                fields=["call_control_id", "at"],
                name="fetch_by_call",
            ),
        ),
        migrations.AddIndex(
            model_name="texmlfetch",
            index=models.Index(fields=["at"], name="fetch_by_age"),
        ),
        migrations.AddConstraint(
            model_name="texmlversion",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="one_version_of_a_number"),
        ),
    ]
