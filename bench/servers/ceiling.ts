// The upper limit for Fastify with the same token check: a fixed response of 600 bytes, and no database.
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'

const { PORT, JWT_PUBLIC_KEY = '' } = process.env
const app = Fastify()
await app.register(fastifyJwt, {
  secret: { public: JWT_PUBLIC_KEY },
  verify: {
    algorithms: ['RS256'],
    allowedIss: 'http://localhost:8080',
    allowedAud: 'interaction-api',
    cache: true,
  },
})
const response = `{"id":"${'x'.repeat(591)}"}`
app.get('/rtc-api/interactions/:id', async (request, reply) => {
  await request.jwtVerify()
  return reply.header('content-type', 'application/json').send(response)
})
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
