# The operator's image: the locked dependencies and the package, no shell tools of ours, no root.
# docker build -t stanch .      The pod that runs it is manifests/deployment/deployment.yaml.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/stanch
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project
COPY operator ./operator
RUN uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
# Nothing of stanch needs a shell, a package manager or a set-uid program.
RUN rm -rf /usr/local/lib/python3.13/ensurepip /usr/local/lib/python3.13/site-packages/pip* /usr/local/bin/pip* \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
    && rm -f /bin/sh /bin/bash /bin/dash /usr/bin/apt* /usr/bin/dpkg*
COPY --from=build /opt/stanch /opt/stanch
ENV PATH=/opt/stanch/bin:/usr/local/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["stanch"]
CMD ["run"]
